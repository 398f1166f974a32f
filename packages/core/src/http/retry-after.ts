/**
 * `Retry-After` as a moment, in milliseconds since the epoch: whole seconds from `now`, or a date.
 * Null when absent or neither.
 */
export function parseRetryAfter(header: string | null, now: number): number | null {
  if (header === null) return null;
  const text = header.trim();
  if (/^\d{1,10}$/.test(text)) return now + Number(text) * 1_000;
  // A date names its day or month; `Date.parse` alone would also take "-1" or "1.5" for one.
  if (!/[A-Za-z]{3}/.test(text)) return null;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : at;
}
