import type { Outcome } from '../job/outcome.ts';
import {
  afterCall,
  type Circuit,
  type CircuitPolicy,
  CLOSED_CIRCUIT,
  DEFAULT_CIRCUIT,
} from '../pace/circuit.ts';

/** How calls to one destination fare from each region. Plain data; a region that is missing is well. */
export type RegionHealth = Readonly<Record<string, Circuit>>;

/** The health after one call from this region. Times are monotonic milliseconds. */
export function afterRegionCall(
  health: RegionHealth,
  region: string,
  outcome: Outcome,
  now: number,
  policy: CircuitPolicy = DEFAULT_CIRCUIT,
): RegionHealth {
  const before = health[region] ?? CLOSED_CIRCUIT;
  // Nobody books a probe here: the first call after the wait that is reported is the one that decides.
  const isProbe = before.state === 'open' && now >= before.probeAt;
  const asked: Circuit = isProbe ? { state: 'probing', since: now, opens: before.opens } : before;
  const after = afterCall(asked, outcome, isProbe, now, policy);
  if (after === before || (after === CLOSED_CIRCUIT && health[region] === undefined)) return health;
  const { [region]: _, ...others } = health;
  const isWell = after.state === 'closed' && after.failures === 0;
  return isWell ? others : { ...others, [region]: after };
}

/**
 * Regions from which this destination may be called now, in order of preference: those that are well, then
 * those that have just come back, then those whose time for another try has come. Regions that fail stay
 * out; when all of them do it is the destination that is down, and all are given as they were.
 *
 * @param regions Those that can send at all, in order of preference.
 */
export function healthyRegions(
  regions: readonly string[],
  health: RegionHealth,
  now: number,
): readonly string[] {
  const usable = regions
    .map((region) => ({ region, place: placeOf(health[region] ?? CLOSED_CIRCUIT, now) }))
    .filter((one): one is { region: string; place: number } => one.place !== null)
    .toSorted((first, second) => first.place - second.place);
  return usable.length === 0 ? regions : usable.map(({ region }) => region);
}

function placeOf(circuit: Circuit, now: number): number | null {
  switch (circuit.state) {
    case 'closed':
      return 0;
    case 'ramping':
      return 1;
    case 'open':
      return now >= circuit.probeAt ? 2 : null;
    case 'probing':
      return null;
  }
}
