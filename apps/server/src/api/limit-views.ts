import {
  type LimitKey,
  type LimitStateView,
  type LimitView,
  parseLimitKey,
  type WarningView,
} from '@ezthrottle/core/protocol';
import {
  CLOSED_CIRCUIT,
  type Clock,
  createPace,
  DEFAULT_PERIOD_MS,
  type Id,
  type LimitRecord,
  type LimitState,
  limitSettings,
  limitStateView,
  limitView,
  type PaceSettings,
} from '@ezthrottle/engine';
import { decodeLimit } from '../limits/limit-data.ts';
import type { LimitElsewhere, LimitStates } from '../limits/limit-state.ts';

export interface LimitViewOptions {
  readonly states: LimitStates;
  readonly clock: Pick<Clock, 'now' | 'monotonic'>;
}

/** What other nodes know. */
export interface Others {
  readonly limits: ReadonlyMap<string, LimitElsewhere>;
  readonly destinations: ReadonlyMap<string, LimitStateView | null | 'unknown'>;
}

const NOT_TOLD: readonly WarningView[] = [
  {
    path: 'state',
    message:
      'is not known now: the node that has this destination does not answer, or it passes to another',
  },
];

/** Asks them. A destination is one node's, unless it is divided; any other limit may be used by several. */
export async function othersOf(
  { states }: LimitViewOptions,
  organization: Id,
  records: readonly LimitRecord[],
): Promise<Others> {
  const isOneNodes = ({ key }: LimitRecord): boolean => {
    const limit = parseLimitKey(key);
    return limit?.kind === 'destination' && partsOf(states, organization, limit) === 1;
  };
  const keys = records.filter((record) => !isOneNodes(record)).map(({ key }) => key);
  const [limits, destinations] = await Promise.all([
    keys.length === 0 ? undefined : states.elsewhere?.(organization, keys),
    states.destinationsElsewhere?.(
      organization,
      records.filter(isOneNodes).map(({ key, data }) => ({ key, data })),
    ),
  ]);
  return { limits: limits ?? new Map(), destinations: destinations ?? new Map() };
}

/** The limit as it is shown; nothing for a key that means nothing (any more). */
export function viewOf(
  { states, clock }: LimitViewOptions,
  key: LimitKey | null,
  record: LimitRecord,
  others: Others,
): readonly LimitView[] {
  if (key === null) return [];
  const said = decodeLimit(record.data);
  const told = others.destinations.get(record.key);
  if (told === 'unknown') return [{ ...limitView(key, record, said, null), warnings: NOT_TOLD }];
  if (told !== undefined) return [limitView(key, record, said, told)];
  const state = states.stateOf(record.organization, key);
  const other = others.limits.get(record.key);
  const { pausedUntil, pace } = limitSettings(key.kind, said);
  const known = state ?? (other === undefined ? null : unusedState(pace, clock.monotonic()));
  if (known === null) return [limitView(key, record, said, null)];
  const periodMs = said.per_ms ?? DEFAULT_PERIOD_MS;
  const parts = partsOf(states, record.organization, key);
  const here = {
    ...limitStateView(known, periodMs, pausedUntil, clock),
    ...(parts > 1 && { parts }),
  };
  if (other === undefined) return [limitView(key, record, said, here)];
  const all = {
    ...here,
    rate: here.rate + other.ratePerSecond * (periodMs / 1_000),
    concurrency: here.concurrency + other.concurrency,
    in_flight: here.in_flight + other.inFlight,
    waiting: here.waiting + other.waiting,
  };
  return [limitView(key, record, said, all)];
}

function partsOf(states: LimitStates, organization: Id, key: LimitKey): number {
  return key.kind === 'destination' ? (states.partsOf?.(organization, key.origin) ?? 1) : 1;
}

/** Nothing counts against it at this node. */
function unusedState(pace: PaceSettings, now: number): LimitState {
  const unused = { ...createPace(pace, now), allottedUntil: now };
  return { pace: unused, circuit: CLOSED_CIRCUIT, waiting: 0 };
}
