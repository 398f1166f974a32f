/** First wait of a retry that names no delay, before jitter, in milliseconds. */
const BACKOFF_BASE_MS = 500;
/** Longest wait, in milliseconds. */
const BACKOFF_CAP_MS = 60_000;

/**
 * How long to wait before a further attempt: doubles each time, and half of it is left to chance, so
 * that jobs which failed together do not come back together.
 *
 * @param count Further attempts made so far, from 0.
 * @returns Whole milliseconds.
 */
export function backoffMs(count: number, random: () => number): number {
  const full = Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** Math.min(count, 30));
  return Math.round(full / 2 + (random() * full) / 2);
}
