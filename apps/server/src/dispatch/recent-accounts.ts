import type { LineAccount } from '@ezthrottle/engine';

/** Over so long it is counted what has begun of late. */
const LATELY_MS = 1_000;
/** More are not told apart. */
const MOST_ACCOUNTS = 10_000;

/** Whose calls have begun within the last second or so, and how many. */
export class RecentAccounts {
  #calls = 0;
  #callsBefore = 0;
  #accounts = new Set<string>();
  #accountsBefore = 0;
  #countedAt: number;

  constructor(now: number) {
    this.#countedAt = now;
  }

  begun({ apiKey, userId }: LineAccount, now: number): void {
    this.#turn(now);
    this.#calls += 1;
    if (this.#accounts.size < MOST_ACCOUNTS) this.#accounts.add(`${apiKey} ${userId}`);
  }

  /** Calls in a second. */
  calls(now: number): number {
    this.#turn(now);
    return Math.max(this.#calls, this.#callsBefore);
  }

  accounts(now: number): number {
    this.#turn(now);
    return Math.max(this.#accounts.size, this.#accountsBefore);
  }

  #turn(now: number): void {
    const age = now - this.#countedAt;
    if (age < LATELY_MS) return;
    const isNext = age < 2 * LATELY_MS;
    // Whoever asked late counts what came meanwhile as if it had come within one second: never too little.
    this.#callsBefore = isNext ? this.#calls : 0;
    this.#accountsBefore = isNext ? this.#accounts.size : 0;
    this.#calls = 0;
    this.#accounts = new Set();
    this.#countedAt = now;
  }
}
