/** Each class of times is this much longer than the one before. */
const GROWTH = 1.1;
const LOG_GROWTH = Math.log(GROWTH);
/** Up to 15 minutes. */
const CLASSES = 145;
/** Fewer answers say nothing about a percentile. */
const LEAST_ANSWERS = 20;
/** Counts are halved at so many answers, so that a target which has changed is seen anew. */
const MEMORY_ANSWERS = 1_000;

/**
 * How long the answers of one origin took, to within ten percent. Mutable and of fixed size; times are
 * milliseconds.
 */
export class Latencies {
  #counts = new Float64Array(CLASSES);
  #total = 0;

  /** An answer has come after this time. */
  note(tookMs: number): void {
    const place = Math.ceil(Math.log(Math.max(1, tookMs)) / LOG_GROWTH);
    const index = Math.min(CLASSES - 1, place);
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#total += 1;
    if (this.#total < MEMORY_ANSWERS) return;
    this.#counts = this.#counts.map((count) => count / 2);
    this.#total /= 2;
  }

  /** Time within which this many percent of the answers came, rounded up; null while there were too few. */
  percentile(percent: number): number | null {
    if (this.#total < LEAST_ANSWERS) return null;
    const wanted = (this.#total * percent) / 100;
    let seen = 0;
    for (const [index, count] of this.#counts.entries()) {
      seen += count;
      if (seen >= wanted) return Math.ceil(GROWTH ** index);
    }
    return Math.ceil(GROWTH ** (CLASSES - 1));
  }
}
