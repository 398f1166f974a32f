import type { DedupeClaim, DedupeLease } from './dedupe-store.ts';
import { DedupeStoreFullError } from './errors.ts';

interface RunningEntry {
  readonly token: string;
  readonly leaseEndsAt: number;
}

interface DedupeMemorySettings {
  /** The time now, in milliseconds. */
  readonly now: () => number;
  /** Ids it remembers, running and done together. */
  readonly maxEntries: number;
}

/**
 * What a store in memory does, told at once: a promise for each step would cost more than the step. When it
 * is full it forgets the id that was done longest ago, never one whose lease runs.
 */
export class DedupeMemory {
  readonly #now: () => number;
  readonly #maxEntries: number;
  readonly #running = new Map<string, RunningEntry>();
  /** Id → until when it is remembered, in the order in which they were done. */
  readonly #done = new Map<string, number>();
  /** Walks through `#done` once: from its start, each look would pass all gaps that deletions have left. */
  #walk: Iterator<[string, number]> = this.#done.entries();
  /** Where the walk has come to, and still in `#done`. */
  #oldest: readonly [id: string, doneUntil: number] | undefined;
  /** No lease ends before this moment, as far as the last look through all of them could tell. */
  #nextLeaseEnd = 0;

  constructor({ now, maxEntries }: DedupeMemorySettings) {
    this.#now = now;
    this.#maxEntries = maxEntries;
  }

  get size(): number {
    return this.#running.size + this.#done.size;
  }

  /** @throws {DedupeStoreFullError} when every place holds an id whose lease runs. */
  begin(id: string, lease: DedupeLease): DedupeClaim {
    const now = this.#now();
    this.#forgetExpired(now);
    const doneUntil = this.#done.get(id);
    if (doneUntil !== undefined) {
      if (doneUntil > now) return 'done';
      this.#done.delete(id);
    }
    const running = this.#running.get(id);
    if (running !== undefined && running.leaseEndsAt > now) return 'in_flight';
    if (running === undefined) this.#makeRoom(now);
    const leaseEndsAt = now + lease.leaseMs;
    this.#running.set(id, { token: lease.token, leaseEndsAt });
    this.#nextLeaseEnd = Math.min(this.#nextLeaseEnd, leaseEndsAt);
    return 'acquired';
  }

  commit(id: string, token: string, ttlMs: number): boolean {
    if (this.#running.get(id)?.token !== token) return false;
    this.#running.delete(id);
    this.#done.set(id, this.#now() + ttlMs);
    return true;
  }

  release(id: string, token: string): boolean {
    if (this.#running.get(id)?.token !== token) return false;
    return this.#running.delete(id);
  }

  /** From the oldest on, up to the first that is still remembered; no sweep over all of them. */
  #forgetExpired(now: number): void {
    for (let oldest = this.#findOldest(); oldest !== undefined; oldest = this.#findOldest()) {
      if (oldest[1] > now) return;
      this.#forgetOldest(oldest[0]);
    }
  }

  #findOldest(): readonly [id: string, doneUntil: number] | undefined {
    if (this.#oldest !== undefined || this.#done.size === 0) return this.#oldest;
    let next = this.#walk.next();
    if (next.done === true) {
      // It had come to the end when there was nothing; what there is now came after.
      this.#walk = this.#done.entries();
      next = this.#walk.next();
    }
    this.#oldest = next.done === true ? undefined : next.value;
    return this.#oldest;
  }

  #forgetOldest(id: string): void {
    this.#done.delete(id);
    this.#oldest = undefined;
  }

  #makeRoom(now: number): void {
    if (this.size < this.#maxEntries) return;
    if (now >= this.#nextLeaseEnd) this.#dropEndedLeases(now);
    if (this.size < this.#maxEntries) return;
    const oldest = this.#findOldest();
    if (oldest === undefined) throw new DedupeStoreFullError(this.#maxEntries);
    this.#forgetOldest(oldest[0]);
  }

  #dropEndedLeases(now: number): void {
    let next = Number.POSITIVE_INFINITY;
    for (const [id, { leaseEndsAt }] of this.#running) {
      if (leaseEndsAt <= now) this.#running.delete(id);
      else next = Math.min(next, leaseEndsAt);
    }
    this.#nextLeaseEnd = next;
  }
}
