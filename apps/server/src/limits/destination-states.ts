import { type LimitStateView, parseLimitKey } from '@ezthrottle/core/protocol';
import {
  type Clock,
  DEFAULT_PERIOD_MS,
  type Id,
  type LimitState,
  limitSettings,
  limitStateView,
} from '@ezthrottle/engine';
import { decodeLimit } from './limit-data.ts';

/** The limit of a destination, as whoever asks how it stands has read it. */
export interface DestinationAsked {
  readonly key: string;
  /** Its settings, as the store has them. */
  readonly data: string;
}

/** Keys of destinations with how they stand. Null: nothing is going on there. */
export type DestinationStates = readonly (readonly [key: string, state: LimitStateView | null])[];

/** How destinations stand at this node. */
export type StatesOfDestinations = (
  organization: Id,
  asked: readonly DestinationAsked[],
) => DestinationStates;

export function statesOfDestinations(options: {
  /** Null: nothing is going on there. */
  readonly stateOf: (organization: Id, origin: string) => LimitState | null;
  readonly clock: Pick<Clock, 'now' | 'monotonic'>;
}): StatesOfDestinations {
  const { stateOf, clock } = options;
  return (organization, asked) =>
    asked.map(({ key, data }) => {
      const parsed = parseLimitKey(key);
      const state = parsed?.kind === 'destination' ? stateOf(organization, parsed.origin) : null;
      if (state === null) return [key, null];
      const said = decodeLimit(data);
      const { pausedUntil } = limitSettings('destination', said);
      return [key, limitStateView(state, said.per_ms ?? DEFAULT_PERIOD_MS, pausedUntil, clock)];
    });
}
