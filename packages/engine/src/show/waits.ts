import { destinationLimit, type RuleView, type WaitView } from '@ezthrottle/core/protocol';
import { ASSUMED_CALL_MS } from '../forecast/forecast.ts';
import type { KeyPacer, KeyStop } from '../pace/key-pacer.ts';
import { intervalMs } from '../pace/pace-state.ts';
import {
  inForceOfAll,
  type KeyDivision,
  rounded,
  spentHere,
  type StandingPart,
} from './key-division.ts';

/** A key that a call counts against, as it stands at the moment at which its job is explained. */
export interface WaitedKey {
  /** Of a limit; null: the destination. */
  readonly name: string | null;
  /** Whether it is the operator's: then no limit of the organization's changes it. */
  readonly isOperators: boolean;
  readonly pacer: KeyPacer;
  /** Null: this server has all of it. */
  readonly division: KeyDivision | null;
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
  { startsAt, standing }: { readonly startsAt: number | null; readonly standing: StandingPart },
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
    message: `${calls === 1 ? 'one call goes' : `${calls} calls go`} first${whose}${inPart(keys, standing)}`,
    change:
      slowest === null || key === null ? null : paceRule(slowest.key, key, slowest.field, context),
  };
}

function inPart(keys: readonly WaitedKey[], { ahead }: StandingPart): string {
  const parts = keys[0]?.division?.parts ?? null;
  if (parts === null) return '';
  const divided = parts > 1 ? `is divided into ${parts}` : 'was divided';
  return `; ${ahead} of its own part of the destination, which ${divided}`;
}

/** Key of the limit as a resource. */
export function limitOf({ name }: Pick<WaitedKey, 'name'>, { origin }: WaitsContext): string {
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
      const change = paceRule(key, limit, 'rate', context);
      const costs = key.cost === 1 ? '' : `, and the call costs ${rounded(key.cost)}`;
      const message = `the rate of ${limit} is ${rateOf(key, context)}${costs}`;
      return { ...common, reason: 'rate', message, change };
    }
    case 'concurrency': {
      const change = paceRule(key, limit, 'concurrency', context);
      const most =
        key.division === null ? 'as many as may be' : 'as many as the share of its server lets';
      const message = `${pacer.pace.inFlight} calls that count against ${limit} are under way, ${most}`;
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
      const message = `the server of this job has no share of ${limit} now`;
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

/** Names all of what is in force, whatever this server has of it: a limit is set as a whole. */
function paceRule(
  key: WaitedKey,
  limit: string,
  field: 'rate' | 'concurrency',
  context: WaitsContext,
): RuleView | null {
  const all = inForceOfAll(key.pacer.pace, key.division, context.now);
  const value = field === 'rate' ? rounded(all.ratePerSecond) : Math.floor(all.concurrency);
  return rule(key, limit, field, value, context);
}

function rateOf({ pacer: { pace }, division }: WaitedKey, { now }: WaitsContext): string {
  const all = `${rounded(inForceOfAll(pace, division, now).ratePerSecond)} a second`;
  if (division === null) return all;
  return `${all}, of which its server has ${rounded(spentHere(pace, now).ratePerSecond)}`;
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
