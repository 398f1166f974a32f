import type { DedupeClaim, DedupeLease } from './dedupe-store.ts';
import { DONE, EntryLists, RUNNING } from './entry-lists.ts';
import { DedupeStoreFullError } from './errors.ts';

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
  /** Id → its entry. One map, for each look into a large one costs more than all else. */
  readonly #entries = new Map<string, number>();
  readonly #lists = new EntryLists();
  // Of each entry:
  readonly #ids: string[] = [];
  /** Who holds the claim; null: it is done. */
  readonly #tokens: (string | null)[] = [];
  /** Until when it is claimed, or remembered. */
  readonly #until: number[] = [];
  /** No lease ends before this moment, as far as the last look through all of them could tell. */
  #nextLeaseEnd = 0;

  constructor({ now, maxEntries }: DedupeMemorySettings) {
    this.#now = now;
    this.#maxEntries = maxEntries;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** @throws {DedupeStoreFullError} when every place holds an id whose lease runs. */
  begin(id: string, { leaseMs, token }: DedupeLease): DedupeClaim {
    const now = this.#now();
    this.#forgetExpired(now);
    const known = this.#entries.get(id);
    if (known === undefined) {
      this.#makeRoom(now);
      this.#claim(this.#add(id), token, now + leaseMs);
      return 'acquired';
    }
    if (this.#endOf(known) > now) return this.#tokens[known] === null ? 'done' : 'in_flight';
    this.#lists.move(known, RUNNING);
    this.#claim(known, token, now + leaseMs);
    return 'acquired';
  }

  commit(id: string, token: string, ttlMs: number): boolean {
    const entry = this.#entries.get(id);
    if (entry === undefined || this.#tokens[entry] !== token) return false;
    this.#lists.move(entry, DONE);
    this.#tokens[entry] = null;
    this.#until[entry] = this.#now() + ttlMs;
    return true;
  }

  release(id: string, token: string): boolean {
    const entry = this.#entries.get(id);
    if (entry === undefined || this.#tokens[entry] !== token) return false;
    this.#forget(entry);
    return true;
  }

  #add(id: string): number {
    const entry = this.#lists.add(RUNNING);
    this.#entries.set(id, entry);
    this.#ids[entry] = id;
    return entry;
  }

  #claim(entry: number, token: string, leaseEndsAt: number): void {
    this.#tokens[entry] = token;
    this.#until[entry] = leaseEndsAt;
    if (leaseEndsAt < this.#nextLeaseEnd) this.#nextLeaseEnd = leaseEndsAt;
  }

  #endOf(entry: number): number {
    return this.#until[entry] ?? 0;
  }

  #forget(entry: number): void {
    this.#entries.delete(this.#ids[entry] ?? '');
    this.#ids[entry] = '';
    this.#tokens[entry] = null;
    this.#lists.remove(entry);
  }

  /** From the oldest on, up to the first that is still remembered; no sweep over all of them. */
  #forgetExpired(now: number): void {
    let oldest = this.#lists.first(DONE);
    while (oldest !== undefined && this.#endOf(oldest) <= now) {
      this.#forget(oldest);
      oldest = this.#lists.first(DONE);
    }
  }

  #makeRoom(now: number): void {
    if (this.size < this.#maxEntries) return;
    if (now >= this.#nextLeaseEnd) this.#dropEndedLeases(now);
    if (this.size < this.#maxEntries) return;
    const oldest = this.#lists.first(DONE);
    if (oldest === undefined) throw new DedupeStoreFullError(this.#maxEntries);
    this.#forget(oldest);
  }

  #dropEndedLeases(now: number): void {
    let next = Number.POSITIVE_INFINITY;
    for (const entry of this.#lists.all(RUNNING)) {
      if (this.#endOf(entry) <= now) this.#forget(entry);
      else next = Math.min(next, this.#endOf(entry));
    }
    this.#nextLeaseEnd = next;
  }
}
