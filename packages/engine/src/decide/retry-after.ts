const SECONDS = /^\d{1,10}(?:\.\d{1,9})?$/;
const HTTP_DATE = /^[A-Za-z]{3,9},? .+ GMT$/;

/**
 * The instant that a `Retry-After` value names: seconds from now, or an HTTP date.
 *
 * @returns Milliseconds since the epoch; null when the value names none, or one that is not ahead.
 */
export function retryAfterInstant(value: string | undefined, now: number): number | null {
  const text = value?.trim() ?? '';
  if (SECONDS.test(text)) {
    const waitMs = Math.ceil(Number(text) * 1_000);
    return waitMs > 0 ? now + waitMs : null;
  }
  if (!HTTP_DATE.test(text)) return null;
  const instant = Date.parse(text);
  return Number.isNaN(instant) || instant <= now ? null : instant;
}
