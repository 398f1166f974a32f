import { PACE_PREFIXES } from '@ezthrottle/core/protocol';

/** Headers of a response, names in lower case. */
export type ResponseHeaders = Readonly<Record<string, string>>;

const DECIMAL = /^\d{1,9}(?:\.\d{1,9})?$/;
const INTEGER = /^\d{1,15}$/;
const HTTP_DATE = /^[A-Z][a-z]{2,8},? [\w :-]{10,24} GMT$/;

/** Requests per second that the target asks for; null when no header names a positive number. */
export function announcedRate(headers: ResponseHeaders): number | null {
  return announced(headers, 'rps');
}

/** Calls at the same time that the target asks for, whole; null when none is named. */
export function announcedConcurrency(headers: ResponseHeaders): number | null {
  const value = announced(headers, 'max-concurrent');
  return value === null || value < 1 ? null : Math.floor(value);
}

/** Milliseconds that `Retry-After` asks to wait, as a count of seconds or a date; null when neither. */
export function retryAfterMs(headers: ResponseHeaders, wallNow: number): number | null {
  const value = headers['retry-after']?.trim();
  if (value === undefined) return null;
  if (INTEGER.test(value)) return Number(value) * 1_000;
  if (!HTTP_DATE.test(value)) return null;
  const at = Date.parse(value);
  return Number.isNaN(at) ? null : Math.max(0, at - wallNow);
}

/**
 * Milliseconds until a used-up window begins anew, by the `RateLimit` fields of the IETF draft (its
 * newest form, its older one, and three separate headers) or else by `X-RateLimit-*`. Null while the
 * window has room, or when no end is named.
 */
export function exhaustedForMs(headers: ResponseHeaders, wallNow: number): number | null {
  const combined = headers['ratelimit'];
  if (combined !== undefined) {
    const waits = combined.split(',').map(structuredWait);
    const older = structuredWait(combined.replaceAll(',', ';'));
    const longest = Math.max(-1, ...waits.map((wait) => wait ?? -1), older ?? -1);
    if (longest >= 0) return longest;
  }
  const separate = separateWait(headers['ratelimit-remaining'], headers['ratelimit-reset'], null);
  if (separate !== null) return separate;
  return separateWait(headers['x-ratelimit-remaining'], headers['x-ratelimit-reset'], wallNow);
}

function announced(headers: ResponseHeaders, name: string): number | null {
  for (const prefix of PACE_PREFIXES) {
    const value = headers[`${prefix}${name}`]?.trim();
    if (value === undefined || !DECIMAL.test(value)) continue;
    const number = Number(value);
    if (number > 0) return number;
  }
  return null;
}

/** `"name";r=0;t=30`, or in the older form `limit=10; remaining=0; reset=30`. */
function structuredWait(member: string): number | null {
  const parameters = new Map<string, string>();
  for (const part of member.split(';')) {
    const [name, value] = part.split('=', 2);
    if (name !== undefined && value !== undefined) parameters.set(name.trim(), value.trim());
  }
  return separateWait(
    parameters.get('r') ?? parameters.get('remaining'),
    parameters.get('t') ?? parameters.get('reset'),
    null,
  );
}

function separateWait(
  remaining: string | undefined,
  reset: string | undefined,
  wallNow: number | null,
): number | null {
  if (remaining === undefined || reset === undefined) return null;
  if (!DECIMAL.test(remaining.trim()) || Number(remaining) > 0) return null;
  const end = reset.trim();
  if (!INTEGER.test(end) && !DECIMAL.test(end)) return null;
  return untilReset(Number(end), wallNow);
}

/** `X-RateLimit-Reset` has no standard: a number this large can only be a time of day. */
function untilReset(reset: number, wallNow: number | null): number {
  if (wallNow !== null && reset >= 1e12) return Math.max(0, reset - wallNow);
  if (wallNow !== null && reset >= 1e9) return Math.max(0, reset * 1_000 - wallNow);
  return reset * 1_000;
}
