import { PACE_PREFIXES } from '@ezthrottle/core/protocol';
import type { Quota } from './quota-headers.ts';

/** Headers of a response, names in lower case. */
export type ResponseHeaders = Readonly<Record<string, string>>;

const DECIMAL = /^\d{1,9}(?:\.\d{1,9})?$/;
const SECONDS = /^\d{1,15}(?:\.\d{1,9})?$/;
/** Of a quota: less is little. */
const SCARCE_SHARE = 0.2;
/** Ends are told in whole seconds: what is nearer is too coarse to divide by. */
const LEAST_SPREAD_MS = 5_000;
const SHORT_WINDOW_MS = 10_000;
const HTTP_DATE = /^[A-Z][a-z]{2,8},? [\w :-]{10,24} GMT$/;

const RATE_NAMES = PACE_PREFIXES.map((prefix) => `${prefix}rps`);
const CONCURRENCY_NAMES = PACE_PREFIXES.map((prefix) => `${prefix}max-concurrent`);

/** Requests per second that the target asks for; null when no header names a positive number. */
export function announcedRate(headers: ResponseHeaders): number | null {
  return announced(headers, RATE_NAMES);
}

/** Calls at the same time that the target asks for, whole; null when none is named. */
export function announcedConcurrency(headers: ResponseHeaders): number | null {
  const value = announced(headers, CONCURRENCY_NAMES);
  return value === null || value < 1 ? null : Math.floor(value);
}

const DELAYS = ['retry-after', 'x-ratelimit-retry-after', 'x-retry-after'] as const;

/**
 * Milliseconds that `Retry-After` asks to wait, as a count of seconds or a date (or `Retry-After-Ms` of
 * some providers, which is more exact; or `X-RateLimit-Retry-After`, `X-Retry-After`); null when none is
 * named. Of several in one line the longest.
 */
export function retryAfterMs(headers: ResponseHeaders, wallNow: number): number | null {
  const exact = (headers['retry-after-ms'] ?? headers['x-ms-retry-after-ms'])?.trim();
  if (exact !== undefined && SECONDS.test(exact)) return Number(exact);
  const name = DELAYS.find((each) => headers[each] !== undefined);
  const value = name === undefined ? undefined : headers[name]?.trim();
  if (value === undefined) return null;
  const listed = value.split(',').map((each) => each.trim());
  if (listed.every((each) => SECONDS.test(each))) return Math.max(...listed.map(Number)) * 1_000;
  if (!HTTP_DATE.test(value)) return null;
  const at = Date.parse(value);
  return Number.isNaN(at) ? null : Math.max(0, at - wallNow);
}

/**
 * Milliseconds until a used-up quota begins anew; null while all have room, or when no end is named. A
 * quota of a short window that is known is kept by the rate: its end is told in whole seconds, and the
 * last call that it allows says as a rule that nothing is left. It counts where a call was refused.
 */
export function exhaustedForMs(quotas: readonly Quota[], isRefusal: boolean): number | null {
  const waits = quotas.flatMap(({ remaining, resetMs, windowMs }) =>
    remaining !== null &&
    remaining < 1 &&
    resetMs !== null &&
    (isRefusal || windowMs === null || windowMs > SHORT_WINDOW_MS)
      ? [resetMs]
      : [],
  );
  return waits.length === 0 ? null : Math.max(...waits);
}

/**
 * Milliseconds for which an answer that refuses a call asks to be left alone: a wait of nothing is none, then
 * a used-up quota counts. A 403 is such an answer only if it says so itself, as a secondary limit does.
 */
export function refusalPauseMs(
  status: number,
  headers: ResponseHeaders,
  quotas: readonly Quota[],
  wallNow: number,
): number | null {
  const isRefusal = status === 429 || status === 503;
  const asked = isRefusal || status === 403 ? retryAfterMs(headers, wallNow) : null;
  if (asked !== null && asked > 0) return asked;
  const exhausted = isRefusal ? exhaustedForMs(quotas, true) : null;
  return exhausted !== null && exhausted > 0 ? exhausted : null;
}

/** Requests per second that the quotas add up to: the lowest of those whose window is known. */
export function quotaRate(quotas: readonly Quota[]): number | null {
  const rates = quotas.flatMap(({ countsRequests, limit, windowMs }) =>
    countsRequests && limit !== null && limit > 0 && windowMs !== null
      ? [(limit * 1_000) / windowMs]
      : [],
  );
  return rates.length === 0 ? null : Math.min(...rates);
}

/**
 * Requests per second at which what is left lasts until there is more, once little is left: a fifth of a
 * quota whose size is known. Null while there is plenty.
 *
 * @param inFlight Calls under way, of which the target may not have known.
 */
export function scarceRate(quotas: readonly Quota[], inFlight: number): number | null {
  const rates = quotas.flatMap(({ countsRequests, limit, remaining, resetMs, windowMs }) =>
    countsRequests &&
    limit !== null &&
    remaining !== null &&
    resetMs !== null &&
    resetMs >= LEAST_SPREAD_MS &&
    (windowMs === null || windowMs > SHORT_WINDOW_MS) &&
    remaining <= limit * SCARCE_SHARE
      ? [(Math.max(0, remaining - inFlight) * 1_000) / resetMs]
      : [],
  );
  return rates.length === 0 ? null : Math.min(...rates);
}

/** Whether a refusal says that too many calls run at the same time, and not that they come too fast. */
export function isConcurrencyRefusal(headers: ResponseHeaders): boolean {
  return headers['stripe-rate-limited-reason']?.trim().endsWith('-concurrency') === true;
}

function announced(headers: ResponseHeaders, names: readonly string[]): number | null {
  for (const name of names) {
    const value = headers[name]?.trim();
    if (value === undefined || !DECIMAL.test(value)) continue;
    const number = Number(value);
    if (number > 0) return number;
  }
  return null;
}
