import {
  announcedConcurrency,
  announcedRate,
  exhaustedForMs,
  retryAfterMs,
} from './pace-headers.ts';
import type { ResponseHeaders } from './pace-headers.ts';
import {
  clampConcurrency,
  clampRate,
  concurrencyCeiling,
  PACE_LAW,
  rateCeiling,
} from './pace-settings.ts';
import { intervalMs, withRate } from './pace-state.ts';
import type { PaceState } from './pace-state.ts';

export interface PacedResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ResponseHeaders;
}

/**
 * What one response of the target teaches its key. `now` is monotonic, `wallNow` is needed for dates.
 * Announced limits hold at once; a pause comes next; only then does the status alone speak.
 */
export function feedback(
  state: PaceState,
  response: PacedResponse,
  now: number,
  wallNow: number,
): PaceState {
  const rate = announcedRate(response.headers);
  const concurrency = announcedConcurrency(response.headers);
  const announced = announce(state, rate, concurrency, now);
  const pauseMs = pauseOf(response, wallNow);
  if (pauseMs !== null) return pause(announced, pauseMs, now);
  if (isOverload(response.status)) return rate === null ? decrease(announced, now) : announced;
  if (response.status < 200 || response.status >= 300) return announced;
  return increase(announced, rate === null, concurrency === null, now);
}

/** Rate that successes bring back, step by step: the learned one, at least what it started with. */
export function restingRate(state: PaceState): number {
  const rate = Math.max(state.settings.ratePerSecond, state.learnedRate ?? 0);
  return Math.min(rate, Math.max(rateCeiling(state.settings), state.settings.ratePerSecond));
}

/** Likewise for calls at the same time. */
export function restingConcurrency(state: PaceState): number {
  const slots = Math.max(state.settings.concurrency, state.learnedConcurrency ?? 0);
  return Math.min(slots, concurrencyCeiling(state.settings));
}

function announce(
  state: PaceState,
  rate: number | null,
  concurrency: number | null,
  now: number,
): PaceState {
  let next = state;
  if (rate !== null) {
    const learnedRate = clampRate(state.settings, rate);
    next = { ...withRate(next, learnedRate, now), learnedRate, raisedAt: now };
  }
  if (concurrency !== null) {
    const learnedConcurrency = clampConcurrency(state.settings, concurrency);
    next = { ...next, concurrency: learnedConcurrency, learnedConcurrency };
  }
  return next;
}

function pauseOf(response: PacedResponse, wallNow: number): number | null {
  const asked = isOverload(response.status) ? retryAfterMs(response.headers, wallNow) : null;
  // A wait of nothing is no pause: the refusal itself must then still count.
  if (asked !== null && asked > 0) return asked;
  const exhausted = exhaustedForMs(response.headers, wallNow);
  return exhausted !== null && exhausted > 0 ? exhausted : null;
}

function pause(state: PaceState, pauseMs: number, now: number): PaceState {
  const until = now + Math.min(pauseMs, PACE_LAW.maxPauseMs);
  if (state.pausedUntil !== null && state.pausedUntil >= until) return state;
  return { ...state, pausedUntil: until };
}

function decrease(state: PaceState, now: number): PaceState {
  const windowMs = Math.max(PACE_LAW.decreaseWindowMs, 2 * intervalMs(state));
  if (state.decreasedAt !== null && now - state.decreasedAt < windowMs) return state;
  const lowered = clampRate(state.settings, state.ratePerSecond * PACE_LAW.decreaseFactor);
  const rate = Math.min(state.ratePerSecond, lowered);
  return { ...withRate(state, rate, now), decreasedAt: now, raisedAt: now };
}

function increase(state: PaceState, ofRate: boolean, ofSlots: boolean, now: number): PaceState {
  const elapsedMs = Math.min(PACE_LAW.increaseCreditMs, Math.max(0, now - state.raisedAt));
  const seconds = elapsedMs / 1_000;
  if (seconds === 0) return state;
  let next: PaceState = { ...state, raisedAt: now };
  const rate = restingRate(state);
  if (ofRate && state.ratePerSecond < rate) {
    const step = rate * PACE_LAW.increasePerSecond * seconds;
    next = withRate(next, Math.min(rate, state.ratePerSecond + step), now);
  }
  const slots = restingConcurrency(state);
  if (ofSlots && state.concurrency < slots) {
    const step = PACE_LAW.slotsPerSecond * seconds;
    next = { ...next, concurrency: Math.min(slots, state.concurrency + step) };
  }
  return next;
}

function isOverload(status: number): boolean {
  return status === 429 || status === 503;
}
