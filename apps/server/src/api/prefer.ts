/** Longest wait that a request may ask for, in seconds. */
const LONGEST_WAIT_SECONDS = 60;

/**
 * How long the client would wait for the result, by `Prefer: wait=N` (RFC 7240), in whole seconds, at most
 * `LONGEST_WAIT_SECONDS`; null: it did not say. What cannot be read is no preference: the RFC has it
 * ignored, not refused. The first of several counts.
 */
export function preferredWait(header: string | null): number | null {
  if (header === null) return null;
  for (const preference of header.split(',')) {
    const [token = ''] = preference.split(';');
    const match = /^\s*wait\s*=\s*(?:"(\d+)"|(\d+))\s*$/i.exec(token);
    const seconds = match?.[1] ?? match?.[2];
    if (seconds !== undefined) return Math.min(Number(seconds), LONGEST_WAIT_SECONDS);
  }
  return null;
}
