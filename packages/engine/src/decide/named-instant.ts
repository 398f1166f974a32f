import { refusalPauseMs } from '../pace/pace-headers.ts';
import { quotasOf } from '../pace/quota-headers.ts';
import { retryAfterInstant } from './retry-after.ts';

/**
 * The instant from which a target wants to be called again: what `Retry-After` names on any status; of a
 * 429 or 503 also what a provider's own header names, or the end of a quota that is used up; of a 403 the
 * former only.
 *
 * @param headers Names in lower case.
 * @returns Milliseconds since the epoch, ahead of `now`; null when none is named.
 */
export function namedInstant(
  status: number,
  headers: Readonly<Record<string, string>>,
  now: number,
): number | null {
  const plain = retryAfterInstant(headers['retry-after'], now);
  const waitMs = refusalPauseMs(status, headers, quotasOf(headers, now), now);
  return waitMs === null ? plain : now + Math.ceil(waitMs);
}
