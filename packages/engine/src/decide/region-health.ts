import { EGRESS_ERRORS, type Outcome } from '../job/outcome.ts';
import {
  afterVerdict,
  type Circuit,
  type CircuitPolicy,
  type CircuitVerdict,
  circuitVerdict,
  CLOSED_CIRCUIT,
  DEFAULT_CIRCUIT,
  opened,
} from '../pace/circuit.ts';

/** How calls fare from each region. Plain data; a region that is missing is well. */
export type RegionHealth = Readonly<Record<string, Circuit>>;

/** What an outcome says about the egress of the region from which the call left. */
export function egressVerdict(outcome: Outcome): CircuitVerdict {
  if (outcome.kind === 'response') return 'up';
  if (outcome.kind !== 'network_error') return 'silent';
  if (outcome.code === EGRESS_ERRORS.failed) return 'down';
  return outcome.code === EGRESS_ERRORS.refused ? 'up' : 'silent';
}

/**
 * What it says about whether its destination can be reached from that region: what it says about the
 * destination, but for an egress that does not lead there. One that is down says nothing.
 */
export function reachVerdict(outcome: Outcome): CircuitVerdict {
  const isRefused = outcome.kind === 'network_error' && outcome.code === EGRESS_ERRORS.refused;
  return isRefused ? 'down' : circuitVerdict(outcome);
}

/** The health after one call from this region. Times are monotonic milliseconds. */
export function afterRegionCall(
  health: RegionHealth,
  region: string,
  verdict: CircuitVerdict,
  now: number,
  policy: CircuitPolicy = DEFAULT_CIRCUIT,
): RegionHealth {
  const before = health[region] ?? CLOSED_CIRCUIT;
  // Nobody books a probe here: the first call after the wait that is reported is the one that decides.
  const isProbe = before.state === 'open' && now >= before.probeAt;
  const asked: Circuit = isProbe ? { state: 'probing', since: now, opens: before.opens } : before;
  const after = afterVerdict(asked, verdict, isProbe, now, policy);
  if (after === before || (after === CLOSED_CIRCUIT && health[region] === undefined)) return health;
  const { [region]: _, ...others } = health;
  const isWell = after.state === 'closed' && after.failures === 0;
  return isWell ? others : { ...others, [region]: after };
}

/**
 * The health once a call is to leave from this region. Where its time for another try has come this is the
 * try: the next one is after twice the wait, unless this one gets through.
 */
export function afterRegionChoice(
  health: RegionHealth,
  region: string,
  now: number,
  policy: CircuitPolicy = DEFAULT_CIRCUIT,
): RegionHealth {
  const before = health[region];
  if (before?.state !== 'open' || now < before.probeAt) return health;
  return { ...health, [region]: opened(before.opens + 1, now, policy) };
}

/**
 * Those of the regions that work, in their order; one whose time for another try has come is among them.
 * When none works it is not the regions that are to blame, and all are given.
 */
export function healthyRegions(
  regions: readonly string[],
  health: RegionHealth,
  now: number,
): readonly string[] {
  const usable = regions.filter((region) => mayTry(health[region] ?? CLOSED_CIRCUIT, now));
  return usable.length === 0 ? regions : usable;
}

function mayTry(circuit: Circuit, now: number): boolean {
  return circuit.state === 'open' ? now >= circuit.probeAt : circuit.state !== 'probing';
}
