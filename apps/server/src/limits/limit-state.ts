import type { LimitKey, LimitStateView } from '@ezthrottle/core/protocol';
import type { Id, LimitState } from '@ezthrottle/engine';
import type { DestinationAsked } from './destination-states.ts';

/** How a limit stands at the other nodes together. */
export interface LimitElsewhere {
  readonly ratePerSecond: number;
  readonly concurrency: number;
  readonly inFlight: number;
  readonly waiting: number;
}

/** By their keys; limits that no other node uses are left out. */
export type LimitsElsewhere = (
  organization: Id,
  keys: readonly string[],
) => Promise<ReadonlyMap<string, LimitElsewhere>>;

/**
 * Destinations that other nodes have, by their keys: how they stand there. `unknown`: the node that has one does not
 * answer. Those of this node are left out.
 */
export type DestinationsElsewhere = (
  organization: Id,
  asked: readonly DestinationAsked[],
) => Promise<ReadonlyMap<string, LimitStateView | null | 'unknown'>>;

/** Who knows where limits stand. */
export interface LimitStates {
  /** Null: nothing is going on there. */
  stateOf(organization: Id, key: LimitKey): LimitState | null;
  /** Into how many parts a destination is divided among nodes. Absent: none is. */
  readonly partsOf?: ((organization: Id, origin: string) => number) | undefined;
  /** Absent: there are no other nodes. */
  readonly elsewhere?: LimitsElsewhere | undefined;
  /** Absent: there are no other nodes. */
  readonly destinationsElsewhere?: DestinationsElsewhere | undefined;
}
