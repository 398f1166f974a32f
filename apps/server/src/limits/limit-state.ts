import type { LimitKey } from '@ezthrottle/core/protocol';
import type { Id, LimitState } from '@ezthrottle/engine';

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

/** Who knows where limits stand. */
export interface LimitStates {
  /** Null: nothing is going on there. */
  stateOf(organization: Id, key: LimitKey): LimitState | null;
  /** Absent: there are no other nodes. */
  readonly elsewhere?: LimitsElsewhere | undefined;
}
