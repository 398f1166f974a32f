import {
  announcedConcurrency,
  announcedRate,
  exhaustedForMs,
  isConcurrencyRefusal,
  quotaRate,
  refusalPauseMs,
  scarceRate,
} from './pace-headers.ts';
import type { ResponseHeaders } from './pace-headers.ts';
import { clampConcurrency, clampRate, PACE_LAW } from './pace-settings.ts';
import { withRate } from './pace-state.ts';
import type { PaceState } from './pace-state.ts';
import { type Quota, quotasOf } from './quota-headers.ts';
import { counted, decrease, decreaseSlots, increase, restingRate } from './rate-law.ts';

export interface PacedResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ResponseHeaders;
  /**
   * When the call left, on the monotonic clock. A refusal of a call that was out before the rate was
   * lowered says nothing about the lower rate. Absent: the law goes by its windows alone.
   */
  readonly sentAt?: number | undefined;
}

/**
 * What one response of the target teaches its key. `now` is monotonic, `wallNow` is needed for dates.
 * Announced limits hold at once; a pause comes next; only then does the status alone speak.
 */
export function feedback(
  before: PaceState,
  response: PacedResponse,
  now: number,
  wallNow: number,
): PaceState {
  const { headers, status } = response;
  const isRefusal = isOverload(status);
  const quotas = quotasOf(headers, wallNow);
  const rate = announcedRate(headers) ?? quotaRate(quotas);
  const concurrency = announcedConcurrency(headers);
  const isLate = isRefusal && isOutBefore(response, before.decreasedAt);
  const state = isLate ? before : counted(before, isRefusal, now);
  const announced = spread(announce(state, rate, concurrency, now), quotas, now);
  const pauseMs = pauseOf(response, quotas, wallNow);
  if (pauseMs !== null) {
    const lowered =
      rate === null && isRefusal && !isLate && isRelapse(state, now)
        ? decrease(announced, now)
        : announced;
    return pause(lowered, pauseMs, isRefusal, now);
  }
  if (isRefusal) {
    if (isLate) return announced;
    if (isConcurrencyRefusal(headers)) return decreaseSlots(announced, now);
    return rate === null ? decrease(announced, now) : announced;
  }
  if (status < 200 || status >= 300) return announced;
  const mayGrow = rate === null && announced.spreadFrom === null;
  return increase(announced, mayGrow, concurrency === null, now);
}

/** A part is a share that was rounded down a little. */
const ROUNDING = 1e-6;

function announce(
  state: PaceState,
  rate: number | null,
  concurrency: number | null,
  now: number,
): PaceState {
  const { part = 1 } = state.settings;
  let next = state;
  if (rate !== null) {
    const learnedRate = clampRate(state.settings, rate * part);
    next = {
      ...withRate(next, learnedRate, now),
      learnedRate,
      raisedAt: now,
      peakRate: null,
      troughRate: null,
      grownMs: 0,
    };
  }
  if (concurrency !== null) {
    const learnedConcurrency = clampConcurrency(
      state.settings,
      Math.floor(concurrency * part + ROUNDING),
    );
    next = { ...next, concurrency: learnedConcurrency, learnedConcurrency };
  }
  return next;
}

/** When little is left of a quota, it is made to last; when there is plenty again, so is the rate. */
function spread(state: PaceState, quotas: readonly Quota[], now: number): PaceState {
  if (quotas.every(({ remaining }) => remaining === null)) return state;
  const scarce = scarceRate(quotas, state.inFlight);
  if (scarce === null) {
    const { spreadFrom } = state;
    if (spreadFrom === null) return state;
    const rate = Math.max(state.ratePerSecond, Math.min(spreadFrom, restingRate(state)));
    return { ...withRate(state, rate, now), spreadFrom: null };
  }
  const rate = clampRate(state.settings, scarce * (state.settings.part ?? 1));
  if (rate >= state.ratePerSecond) return state;
  return { ...withRate(state, rate, now), spreadFrom: state.spreadFrom ?? state.ratePerSecond };
}

function pauseOf(
  response: PacedResponse,
  quotas: readonly Quota[],
  wallNow: number,
): number | null {
  const { status, headers } = response;
  const asked = refusalPauseMs(status, headers, quotas, wallNow);
  if (asked !== null || isOverload(status)) return asked;
  const exhausted = exhaustedForMs(quotas, false);
  return exhausted !== null && exhausted > 0 ? exhausted : null;
}

function pause(state: PaceState, pauseMs: number, isRefusal: boolean, now: number): PaceState {
  const until = now + Math.min(pauseMs, PACE_LAW.maxPauseMs);
  const heldBackUntil = isRefusal ? Math.max(until, state.heldBackUntil ?? 0) : state.heldBackUntil;
  if (state.pausedUntil !== null && state.pausedUntil >= until) return { ...state, heldBackUntil };
  return { ...state, pausedUntil: until, heldBackUntil };
}

/** Refused again soon after it had waited as long as it was told to: it is too fast as well. */
function isRelapse({ heldBackUntil }: PaceState, now: number): boolean {
  return (
    heldBackUntil !== null && now >= heldBackUntil && now - heldBackUntil <= PACE_LAW.relapseMs
  );
}

function isOutBefore({ sentAt }: PacedResponse, decreasedAt: number | null): boolean {
  return sentAt !== undefined && decreasedAt !== null && sentAt < decreasedAt;
}

function isOverload(status: number): boolean {
  return status === 429 || status === 503;
}
