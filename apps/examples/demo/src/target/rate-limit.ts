/** Allows `limit` calls in any window of `windowMs`: a strict sliding log, as unforgiving as APIs get. */
export class SlidingLimit {
  readonly #limit: number;
  readonly #windowMs: number;
  #admitted: number[] = [];

  constructor(limit: number, windowMs: number) {
    this.#limit = limit;
    this.#windowMs = windowMs;
  }

  admit(now: number): boolean {
    this.#admitted = this.#admitted.filter((at) => now - at < this.#windowMs);
    if (this.#admitted.length >= this.#limit) return false;
    this.#admitted.push(now);
    return true;
  }
}
