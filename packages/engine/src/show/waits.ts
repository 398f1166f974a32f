import { destinationLimit, type RuleView, type WaitView } from '@ezthrottle/core/protocol';
import { ASSUMED_CALL_MS } from '../forecast/forecast.ts';
import type { KeyPacer, KeyStop } from '../pace/key-pacer.ts';
import { intervalMs } from '../pace/pace-state.ts';

/** A key that a call counts against, as it stands at the moment at which its job is explained. */
export interface WaitedKey {
  /** Of a limit; null: the destination. */
  readonly name: string | null;
  /** Whether it is the operator's: then no limit of the organization's changes it. */
  readonly isOperators: boolean;
  readonly pacer: KeyPacer;
  readonly cost: number;
  /** What the calls that go first take from it. */
  readonly ahead: number;
}

export interface WaitsContext {
  readonly origin: string;
  /** On the monotonic clock. */
  readonly now: number;
  /** From the monotonic clock to milliseconds since the epoch. */
  readonly toWall: (at: number) => number;
  /** Whether there is a limit of this key. */
  readonly isLimit: (key: string) => boolean;
}

/** What holds a call back at its keys now. */
export function keyWaits(keys: readonly WaitedKey[], context: WaitsContext): readonly WaitView[] {
  return keys.flatMap((key) => {
    const stop = key.pacer.stop(context.now, key.cost);
    return stop === null ? [] : [waitAt(key, stop, context)];
  });
}

/** Others that go first, and the limit which makes that take the longest. */
export function turnWait(
  keys: readonly WaitedKey[],
  calls: number,
  accounts: number,
  startsAt: number | null,
  context: WaitsContext,
): WaitView {
  const works = keys.flatMap((key) => {
    const { pacer, ahead } = key;
    const slots = Math.max(1, pacer.pace.concurrency);
    const byRate = { key, field: 'rate' as const, ms: ahead * intervalMs(pacer.pace) };
    const callMs = keys[0]?.pacer.callMs ?? ASSUMED_CALL_MS;
    const bySlots = { key, field: 'concurrency' as const, ms: (calls * callMs) / slots };
    return [byRate, bySlots];
  });
  const slowest = works.reduce<(typeof works)[number] | null>(
    (most, one) => (most === null || one.ms > most.ms ? one : most),
    null,
  );
  const key = slowest === null ? null : limitOf(slowest.key, context);
  const whose =
    accounts === 1 ? ', of one account' : accounts > 1 ? `, of ${accounts} accounts` : '';
  return {
    reason: 'turn',
    key,
    until: startsAt === null ? null : context.toWall(startsAt),
    message: `${calls === 1 ? 'one call goes' : `${calls} calls go`} first${whose}`,
    change:
      slowest === null || key === null
        ? null
        : rule(slowest.key, key, slowest.field, valueOf(slowest.key.pacer, slowest.field), context),
  };
}

/** Key of the limit as a resource. */
function limitOf({ name }: Pick<WaitedKey, 'name'>, { origin }: WaitsContext): string {
  return name ?? destinationLimit(origin);
}

function waitAt(key: WaitedKey, stop: KeyStop, context: WaitsContext): WaitView {
  const limit = limitOf(key, context);
  const until = stop.until === null ? null : context.toWall(stop.until);
  const common = { key: limit, until };
  const { pacer } = key;
  switch (stop.reason) {
    case 'paused':
      return pausedAt(key, limit, until, context);
    case 'rate': {
      const change = rule(key, limit, 'rate', valueOf(pacer, 'rate'), context);
      const costs = key.cost === 1 ? '' : `, and the call costs ${round(key.cost)}`;
      const message = `the rate of ${limit} is ${round(pacer.pace.ratePerSecond)} a second${costs}`;
      return { ...common, reason: 'rate', message, change };
    }
    case 'concurrency': {
      const change = rule(key, limit, 'concurrency', valueOf(pacer, 'concurrency'), context);
      const message = `${pacer.pace.inFlight} calls that count against ${limit} are under way, as many as may be`;
      return { ...common, reason: 'concurrency', message, change };
    }
    case 'circuit': {
      const message =
        until === null
          ? `${limit} is taken for down, and one call is trying it`
          : `${limit} is taken for down until it is tried again`;
      return { ...common, reason: 'circuit', message, change: null };
    }
    case 'allotment': {
      const message = `this server has no share of ${limit} now`;
      return { ...common, reason: 'allotment', message, change: null };
    }
  }
}

function pausedAt(
  held: WaitedKey,
  key: string,
  until: number | null,
  context: WaitsContext,
): WaitView {
  const { heldUntil } = held.pacer;
  const isByHand = heldUntil !== null && heldUntil > context.now;
  if (!isByHand) {
    const message = `an answer of the target has paused ${key}`;
    return { reason: 'paused_by_target', key, until, message, change: null };
  }
  const change =
    until === null
      ? rule(held, key, 'paused', true, context)
      : rule(held, key, 'paused_until', until, context);
  return { reason: 'paused_by_hand', key, until, message: `${key} is paused by hand`, change };
}

function rule(
  { isOperators }: WaitedKey,
  key: string,
  field: RuleView['field'],
  value: RuleView['value'],
  { isLimit }: WaitsContext,
): RuleView | null {
  if (isOperators) return null;
  const method = isLimit(key) ? 'PATCH' : 'PUT';
  return { method, path: `/api/v1/limits/${encodeURIComponent(key)}`, field, value };
}

function valueOf({ pace }: KeyPacer, field: 'rate' | 'concurrency'): number {
  return field === 'rate' ? round(pace.ratePerSecond) : Math.floor(pace.concurrency);
}

function round(value: number): number {
  return Number(value.toPrecision(6));
}
