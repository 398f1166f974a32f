import type { Id } from '@ezthrottle/engine';

/** How long a delivery rests that failed for a reason of ours: sending it again at once would not help. */
const REST_MS = 30_000;

/** Deliveries that are left alone for a while. Times are milliseconds since the epoch. */
export class Resting {
  readonly #until = new Map<Id, number>();
  readonly #most: number;

  /** @param most Of more it is not remembered that they rest. */
  constructor(most: number) {
    this.#most = most;
  }

  /** @returns Until when it rests. */
  add(id: Id, now: number): number {
    const until = now + REST_MS;
    if (this.#until.size < this.#most) this.#until.set(id, until);
    return until;
  }

  has(id: Id, now: number): boolean {
    const until = this.#until.get(id);
    if (until === undefined) return false;
    if (until > now) return true;
    this.#until.delete(id);
    return false;
  }
}
