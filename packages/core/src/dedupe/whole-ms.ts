/** A hundred years: no clock of a database overflows by it. */
const LONGEST_MS = 3_153_600_000_000;

/**
 * A time as every database can take it: whole milliseconds, rounded up, a hundred years at most.
 *
 * @throws {RangeError} when it is not a number above 0.
 */
export function wholeMs(name: string, value: number): number {
  if (!(value > 0)) throw new RangeError(`${name} must be a number above 0, got ${String(value)}.`);
  return Math.min(Math.ceil(value), LONGEST_MS);
}
