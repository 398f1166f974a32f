import { DedupeMemory } from './dedupe-memory.ts';
import type { DedupeClaim, DedupeLease, DedupeStore } from './dedupe-store.ts';

export interface MemoryDedupeStoreOptions {
  /** The time now, in milliseconds. Default `Date.now`. */
  readonly now?: () => number;
  /** Deliveries it remembers, running and done together. Default 100 000. */
  readonly maxEntries?: number;
}

/** Deliveries that a store in memory remembers, unless it is told otherwise. */
export const MAX_REMEMBERED = 100_000;

/**
 * Remembers deliveries in this process, for one process and for tests. When it is full it forgets
 * the delivery that was done longest ago; one that is being handled is never forgotten before its
 * lease ends, so a store full of those refuses further ones.
 */
export class MemoryDedupeStore implements DedupeStore {
  readonly #memory: DedupeMemory;

  /** @throws {RangeError} when `maxEntries` is not a whole number of at least 1. */
  constructor({ now = Date.now, maxEntries = MAX_REMEMBERED }: MemoryDedupeStoreOptions = {}) {
    if (!Number.isSafeInteger(maxEntries) || maxEntries < 1) {
      throw new RangeError(`maxEntries must be a whole number of at least 1, got ${maxEntries}.`);
    }
    this.#memory = new DedupeMemory({ now, maxEntries });
  }

  /** Entries held, running and done. */
  get size(): number {
    return this.#memory.size;
  }

  /** @throws {DedupeStoreFullError} when every place holds a delivery that is being handled. */
  async begin(id: string, lease: DedupeLease): Promise<DedupeClaim> {
    return this.#memory.begin(id, lease);
  }

  async commit(id: string, token: string, ttlMs: number): Promise<boolean> {
    return this.#memory.commit(id, token, ttlMs);
  }

  async release(id: string, token: string): Promise<boolean> {
    return this.#memory.release(id, token);
  }
}
