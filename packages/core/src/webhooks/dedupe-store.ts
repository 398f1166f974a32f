import type { Awaitable } from '../awaitable.ts';

/** What a store knows about an id when somebody wants to work on it. */
export type DedupeClaim = 'acquired' | 'in_flight' | 'done';

export interface DedupeLease {
  /** How long the claim holds when its holder is never heard of again, in milliseconds. */
  readonly leaseMs: number;
  /** Names the holder: only the one who shows it may commit or release. */
  readonly token: string;
}

/** What a receiver asks of a store: one of its own, in memory, answers at once. */
export interface ClaimStore {
  begin(id: string, lease: DedupeLease): Awaitable<DedupeClaim>;
  commit(id: string, token: string, ttlMs: number): Awaitable<boolean>;
  release(id: string, token: string): Awaitable<boolean>;
}

/**
 * Remembers which deliveries are being handled and which are done. One store may serve many
 * processes, so every call must be atomic: of any number of callers that begin the same id at once,
 * exactly one gets `acquired`. (A cache with only `get` and `set` cannot do this.)
 */
export interface DedupeStore {
  /**
   * Claims the id. `in_flight`: another holder's lease still runs. `done`: it was committed and is
   * still remembered. A lease that has run out is taken over, and its holder's token becomes worthless.
   */
  begin(id: string, lease: DedupeLease): Promise<DedupeClaim>;
  /**
   * Marks the id as done and remembers that for `ttlMs`. False, and nothing changed, when the
   * token does not hold the claim (any longer). When the lease has ended and nobody has taken the claim
   * over, a store may do either.
   */
  commit(id: string, token: string, ttlMs: number): Promise<boolean>;
  /** Gives the claim back, so that the next begin acquires it. False when the token does not hold it. */
  release(id: string, token: string): Promise<boolean>;
}
