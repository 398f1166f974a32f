import type { PathSpec } from '../job/job-spec.ts';
import type { Leg } from '../job/run.ts';
import type { AcceptContext, LiveRegions } from './decision.ts';

/** The region of jobs that name none, where every region is served. */
const LOCAL_REGION = 'local';

/** A region for a new leg; not `available`: nobody can send from it now. */
export interface RegionChoice {
  readonly region: string;
  readonly available: boolean;
}

/**
 * Live regions as this path may use them: without those from which its destination cannot be reached. A path
 * that stays in its own regions is left there, however they fare.
 */
export function regionsFor(
  path: PathSpec,
  { liveRegions: live, reachable }: Pick<AcceptContext, 'liveRegions' | 'reachable'>,
): LiveRegions {
  if (live === 'any' || reachable === undefined || staysPut(path)) return live;
  // A list that is never left has to be judged by itself: better one of its own than none.
  if (path.regions.length > 0 && path.regionPolicy === 'strict') {
    return reachable(
      path.origin,
      live.filter((region) => path.regions.includes(region)),
    );
  }
  return reachable(path.origin, live);
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
  const candidates = staysPut(path) ? [leg.region] : [...own, ...strangers(path, live)];
  return candidates.filter((region) => isLive(live, region));
}

/** Whether each of its legs keeps its region. */
function staysPut({ regions, regionPolicy, executionMode }: PathSpec): boolean {
  return regions.length > 0 && regionPolicy === 'strict' && executionMode !== 'failover';
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
