import {
  clampConcurrency,
  clampRate,
  concurrencyCeiling,
  PACE_LAW,
  rateCeiling,
  wholeSlots,
} from './pace-settings.ts';
import { intervalMs, type PaceState, withRate } from './pace-state.ts';

/** Rate that successes bring back, step by step: the learned one, at least what it started with. */
export function restingRate(state: PaceState): number {
  const { ratePerSecond, isTaught = false } = state.settings;
  const said = isTaught && state.learnedRate !== null ? 0 : ratePerSecond;
  const rate = Math.max(said, state.learnedRate ?? 0);
  return Math.min(rate, Math.max(rateCeiling(state.settings), state.settings.ratePerSecond));
}

/** Likewise for calls at the same time. */
function restingConcurrency(state: PaceState): number {
  const slots = Math.max(state.settings.concurrency, wholeSlots(state.learnedConcurrency ?? 0));
  return Math.min(slots, concurrencyCeiling(state.settings));
}

/** Notes one answer; older ones fade. */
export function counted(state: PaceState, isRefusal: boolean, now: number): PaceState {
  const kept = Math.exp(-Math.max(0, now - state.countedAt) / PACE_LAW.shareMs);
  return {
    ...state,
    answers: state.answers * kept + 1,
    refusals: state.refusals * kept + (isRefusal ? 1 : 0),
    countedAt: now,
  };
}

/**
 * The target has refused a call: the rate falls to a little below what the target has let through of
 * late, at most to one half, and once per window. Few refusals cost little, many cost much.
 */
export function decrease(state: PaceState, now: number): PaceState {
  if (!isNewWindow(state, now)) return state;
  const accepted = state.answers === 0 ? 0 : 1 - state.refusals / state.answers;
  const least = PACE_LAW.leastDecreaseFactor;
  const peak = state.ratePerSecond * Math.max(least, accepted);
  const wanted = Math.max(state.ratePerSecond * least, peak * PACE_LAW.yieldFactor);
  const rate = Math.min(state.ratePerSecond, clampRate(state.settings, wanted));
  return {
    ...withRate(state, rate, now),
    decreasedAt: now,
    raisedAt: now,
    answers: 0,
    refusals: 0,
    peakRate: Math.max(rate, peak),
    troughRate: rate,
    grownMs: 0,
  };
}

/** The target bears fewer calls at the same time: a quarter of those that run goes, once per window. */
export function decreaseSlots(state: PaceState, now: number): PaceState {
  if (!isNewWindow(state, now)) return state;
  const running = Math.min(state.concurrency, state.inFlight + 1);
  const concurrency = clampConcurrency(state.settings, Math.floor(running * 0.75));
  return { ...state, concurrency: Math.min(state.concurrency, concurrency), decreasedAt: now };
}

/**
 * A success gives something back, by the time it vouches for and not by how many there are. The rate
 * grows along a cubic: fast while it is far below what was refused, flat around it, and faster the
 * longer nothing is refused.
 */
export function increase(
  state: PaceState,
  ofRate: boolean,
  ofSlots: boolean,
  now: number,
): PaceState {
  const elapsedMs = Math.min(PACE_LAW.increaseCreditMs, Math.max(0, now - state.raisedAt));
  if (elapsedMs === 0) return state;
  let next: PaceState = { ...state, raisedAt: now };
  const rate = restingRate(state);
  if (ofRate && state.ratePerSecond < rate) {
    const grownMs = state.grownMs + elapsedMs;
    const least = state.ratePerSecond * (1 + (PACE_LAW.leastGrowthPerSecond * elapsedMs) / 1_000);
    const grown = Math.max(least, rateAfter(state, grownMs));
    next = { ...withRate(next, Math.min(rate, grown), now), grownMs };
  }
  const slots = restingConcurrency(state);
  if (ofSlots && state.concurrency < slots) {
    const step = (PACE_LAW.slotsPerSecond * elapsedMs) / 1_000;
    next = { ...next, concurrency: Math.min(slots, state.concurrency + step) };
  }
  return next;
}

function rateAfter(state: PaceState, grownMs: number): number {
  const peak = state.peakRate ?? state.ratePerSecond;
  const trough = Math.min(peak, state.troughRate ?? peak);
  const backAfter = Math.cbrt((1 - trough / peak) / PACE_LAW.growth);
  return peak * (1 + PACE_LAW.growth * (grownMs / 1_000 - backAfter) ** 3);
}

function isNewWindow(state: PaceState, now: number): boolean {
  const windowMs = Math.max(PACE_LAW.decreaseWindowMs, 2 * intervalMs(state));
  return state.decreasedAt === null || now - state.decreasedAt >= windowMs;
}
