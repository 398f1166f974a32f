import { describe, expect, it } from 'vitest';
import type { DedupeStore } from './dedupe-store.ts';

export interface DedupeStoreHarness {
  readonly store: DedupeStore;
  /** Lets this much time pass, in milliseconds, by the store's own clock. */
  readonly pass: (ms: number) => Promise<void>;
}

const LEASE_MS = 2_000;
const TTL_MS = 4_000;

/** What every dedupe store promises; run it for each. */
export function dedupeStoreSuite(name: string, open: () => Promise<DedupeStoreHarness>): void {
  const begin = (store: DedupeStore, token: string): Promise<string> =>
    store.begin('id', { leaseMs: LEASE_MS, token });

  describe(`${name} as a dedupe store`, () => {
    it('gives an id to exactly one of many who ask at once', async () => {
      const { store } = await open();
      const tokens = Array.from({ length: 25 }, (_, index) => `token ${index}`);
      const claims = await Promise.all(tokens.map((token) => begin(store, token)));
      expect(claims.filter((claim) => claim === 'acquired')).toHaveLength(1);
      expect(claims.filter((claim) => claim === 'in_flight')).toHaveLength(24);
    });

    it('says done after a commit, for as long as it was asked to remember', async () => {
      const { store, pass } = await open();
      await begin(store, 'a');
      expect(await store.commit('id', 'a', TTL_MS)).toBe(true);
      expect(await begin(store, 'b')).toBe('done');
      await pass(TTL_MS + 1);
      expect(await begin(store, 'c')).toBe('acquired');
    });

    it('gives the id away again after a release', async () => {
      const { store } = await open();
      await begin(store, 'a');
      expect(await store.release('id', 'a')).toBe(true);
      expect(await begin(store, 'b')).toBe('acquired');
    });

    it('hands a claim whose lease has ended to the next, and then not back', async () => {
      const { store, pass } = await open();
      await begin(store, 'dead');
      await pass(LEASE_MS + 1);
      expect(await begin(store, 'next')).toBe('acquired');
      expect(await store.commit('id', 'dead', TTL_MS)).toBe(false);
      expect(await store.release('id', 'dead')).toBe(false);
      expect(await begin(store, 'third')).toBe('in_flight');
      expect(await store.commit('id', 'next', TTL_MS)).toBe(true);
    });

    it('takes no commit or release from one who does not hold the claim', async () => {
      const { store } = await open();
      expect(await store.commit('id', 'nobody', TTL_MS)).toBe(false);
      expect(await store.release('id', 'nobody')).toBe(false);
      await begin(store, 'a');
      expect(await store.commit('id', 'b', TTL_MS)).toBe(false);
      expect(await store.release('id', 'b')).toBe(false);
      expect(await begin(store, 'c')).toBe('in_flight');
    });

    it('never forgets what is done because its holder lets go afterwards', async () => {
      const { store } = await open();
      await begin(store, 'a');
      await store.commit('id', 'a', TTL_MS);
      expect(await store.release('id', 'a')).toBe(false);
      expect(await begin(store, 'b')).toBe('done');
    });

    it('keeps different ids apart', async () => {
      const { store } = await open();
      expect(await store.begin('one', { leaseMs: LEASE_MS, token: 'a' })).toBe('acquired');
      expect(await store.begin('two', { leaseMs: LEASE_MS, token: 'a' })).toBe('acquired');
      expect(await store.release('one', 'a')).toBe(true);
      expect(await store.begin('two', { leaseMs: LEASE_MS, token: 'b' })).toBe('in_flight');
    });
  });
}
