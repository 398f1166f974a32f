import type { Regions } from '../config/region-rules.ts';
import type { Egress } from '../net/egress.ts';
import type { RegionState, RegionWatch } from './region-watch.ts';

/** A region as `GET /health` shows it: not where its proxy is, and nobody's targets. */
export interface RegionView {
  readonly name: string;
  readonly egress: Egress['kind'];
  readonly state: RegionState['state'];
  /** Destinations that are not reached from here. */
  readonly unreachable: number;
}

/** At most as many as may be configured. */
export function regionViews(
  regions: Regions,
  watch: Pick<RegionWatch, 'states'> | undefined,
): 'any' | readonly RegionView[] {
  if (regions === 'any') return 'any';
  const states = new Map(watch?.states().map((one) => [one.name, one]));
  return regions.map(({ name, egress }) => ({
    name,
    egress: egress.kind,
    state: states.get(name)?.state ?? 'up',
    unreachable: states.get(name)?.unreachable ?? 0,
  }));
}
