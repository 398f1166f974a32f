import type { WorkClaim } from './continuation-runner.ts';
import type { DedupeStore } from './dedupe-store.ts';
import { LeaseLostError } from './errors.ts';

export interface ClaimOptions {
  readonly store: DedupeStore;
  readonly leaseMs: number;
  /** How long finished work is remembered, in milliseconds. */
  readonly ttlMs: number;
}

/** Claims work in the store under a token of its own. Rejects when the store does. */
export async function claimWork(id: string, options: ClaimOptions): Promise<WorkClaim> {
  const { store, leaseMs, ttlMs } = options;
  const token = crypto.randomUUID();
  const state = await store.begin(id, { leaseMs, token });
  if (state !== 'acquired') return { state };
  return {
    state,
    async commit() {
      if (!(await store.commit(id, token, ttlMs))) throw new LeaseLostError(id);
    },
    async release() {
      // False says that the lease ran out meanwhile: then there is nothing left to give back.
      await store.release(id, token);
    },
  };
}
