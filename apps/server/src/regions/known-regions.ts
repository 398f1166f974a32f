import {
  type AcceptContext,
  type Id,
  type JobSpec,
  pathOfLeg,
  type RunState,
} from '@ezthrottle/engine';
import type { RegionWatch } from './region-watch.ts';

/** What decisions about jobs of this organization need to know; null while all is well. */
export function knownRegions(
  watch: RegionWatch | undefined,
  organization: Id,
): Required<Pick<AcceptContext, 'reachable'>> | null {
  if (watch?.isTroubled !== true) return null;
  return { reachable: (origin, regions) => watch.reachable(organization, origin, regions) };
}

/** Notes from where the legs of a job that wait are to leave. */
export function chooseForLegs(
  watch: RegionWatch | undefined,
  organization: Id,
  spec: Pick<JobSpec, 'paths'>,
  { legs }: Pick<RunState, 'legs'>,
): void {
  if (watch?.isTroubled !== true) return;
  for (const leg of legs) {
    const path = leg.state === 'waiting' ? pathOfLeg(spec, leg) : undefined;
    if (path !== undefined) watch.chosen(organization, path.origin, leg.region);
  }
}
