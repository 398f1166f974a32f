import type { PathSpec } from '../job/job-spec.ts';
import type { Leg } from '../job/run.ts';
import type { LiveRegions } from './decision.ts';

/** The region of jobs that name none, where every region is served. */
const LOCAL_REGION = 'local';

/** A region for a new leg; not `available`: nobody can send from it now. */
export interface RegionChoice {
  readonly region: string;
  readonly available: boolean;
}

/** Where a path's first attempts leave from: one leg for each. Never empty. */
export function startRegions(
  path: PathSpec,
  live: LiveRegions,
): readonly [RegionChoice, ...RegionChoice[]] {
  const [first, ...others] = path.regions;
  if (first === undefined) {
    return [{ region: live === 'any' ? LOCAL_REGION : (live[0] ?? LOCAL_REGION), available: true }];
  }
  if (path.executionMode === 'failover') {
    const region = [first, ...others, ...strangers(path, live)].find((name) => isLive(live, name));
    return [{ region: region ?? first, available: region !== undefined }];
  }
  const spare = [...strangers(path, live)];
  const choices: RegionChoice[] = [];
  for (const region of path.regions) {
    if (isLive(live, region)) choices.push({ region, available: true });
    else if (path.regionPolicy === 'strict') choices.push({ region, available: false });
    else {
      const substitute = spare.shift();
      if (substitute !== undefined) choices.push({ region: substitute, available: true });
    }
  }
  const [head, ...tail] = choices;
  return head === undefined ? [{ region: first, available: false }] : [head, ...tail];
}

/**
 * The region a leg is rerouted to: a live one that this path has not tried, else the one tried longest
 * ago, which is the same one where only one lives. Null: none is alive.
 *
 * @param siblings Regions where other legs of the path run or have run; a race does not double up there.
 */
export function rerouteRegion(
  path: PathSpec,
  leg: Leg,
  siblings: ReadonlySet<string>,
  live: LiveRegions,
): string | null {
  const allowed = reroutable(path, leg, live).filter((region) => !siblings.has(region));
  const tried = [...leg.triedRegions.filter((region) => region !== leg.region), leg.region];
  const untried = allowed.find((region) => !tried.includes(region));
  return untried ?? tried.find((region) => allowed.includes(region)) ?? null;
}

function reroutable(path: PathSpec, leg: Leg, live: LiveRegions): readonly string[] {
  const own = path.regions.length === 0 ? [leg.region] : path.regions;
  const staysPut =
    path.regions.length > 0 && path.regionPolicy === 'strict' && path.executionMode !== 'failover';
  const candidates = staysPut ? [leg.region] : [...own, ...strangers(path, live)];
  return candidates.filter((region) => isLive(live, region));
}

/** Live regions that the path does not name but may use. */
function strangers(path: PathSpec, live: LiveRegions): readonly string[] {
  if (live === 'any') return [];
  if (path.regions.length > 0 && path.regionPolicy === 'strict') return [];
  return live.filter((region) => !path.regions.includes(region));
}

function isLive(live: LiveRegions, region: string): boolean {
  return live === 'any' || live.includes(region);
}
