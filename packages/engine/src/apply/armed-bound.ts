import type { PaceState } from '../pace/pace-state.ts';

/** How much of a destination's time is armed ahead, in milliseconds. */
export const ARM_AHEAD_MS = 250;

/**
 * How many attempts may be armed and not sent: enough that no commit stands between one call and the
 * next, and no more, since what is armed cannot let anybody go first.
 */
export function armedBound(pace: PaceState, armAheadMs: number, now: number): number {
  // What is armed during a long pause would only wait, and be in doubt after a crash.
  if (pace.pausedUntil !== null && pace.pausedUntil - now > armAheadMs) return 0;
  const ahead = Math.ceil((pace.ratePerSecond * armAheadMs) / 1_000) + 1;
  return Math.max(1, Math.min(Math.floor(pace.concurrency), ahead));
}
