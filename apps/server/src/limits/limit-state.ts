import type { LimitKey } from '@ezthrottle/core/protocol';
import type { Id, LimitState } from '@ezthrottle/engine';

/** Who knows where limits stand. */
export interface LimitStates {
  /** Null: nothing is going on there. */
  stateOf(organization: Id, key: LimitKey): LimitState | null;
}
