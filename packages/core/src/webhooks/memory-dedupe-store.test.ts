import { dedupeStoreChecks } from '@ezthrottle/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryDedupeStore } from './memory-dedupe-store.ts';

describe('the memory store', () => {
  it.each(Object.entries(dedupeStoreChecks))('%s', async (_, check) => {
    let time = 1_000_000;
    const store = new MemoryDedupeStore({ now: () => time });
    const pass = (ms: number): void => {
      time += ms;
    };
    await check({ open: () => store, pass });
  });
});

describe('a full memory store', () => {
  function full(maxEntries: number): {
    store: MemoryDedupeStore;
    begin: (id: string) => Promise<string>;
    pass: (ms: number) => void;
  } {
    let time = 0;
    const store = new MemoryDedupeStore({ now: () => time, maxEntries });
    return {
      store,
      begin: (id) => store.begin(id, { leaseMs: 100, token: `token of ${id}` }),
      pass: (ms) => {
        time += ms;
      },
    };
  }

  it('forgets what was done longest ago', async () => {
    const { store, begin } = full(2);
    for (const id of ['a', 'b', 'c']) {
      await begin(id);
      await store.commit(id, `token of ${id}`, 10_000);
    }
    expect(store.size).toBe(2);
    expect(await begin('b')).toBe('done');
    expect(await begin('a')).toBe('acquired');
  });

  it('forgets in the order in which they were done, by age and for want of room alike', async () => {
    const step = fc.record({ id: fc.integer({ min: 0, max: 8 }), waitMs: fc.nat(20) });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 100 }), async (steps) => {
        const { store, begin, pass } = full(4);
        let known: { readonly id: string; readonly until: number }[] = [];
        let time = 0;
        for (const { id: number, waitMs } of steps) {
          const id = `id ${number}`;
          pass(waitMs);
          time += waitMs;
          known = known.filter(({ until }) => until > time);
          const isKnown = known.some((one) => one.id === id);
          expect(await begin(id)).toBe(isKnown ? 'done' : 'acquired');
          if (isKnown) continue;
          await store.commit(id, `token of ${id}`, 50);
          known = [...known, { id, until: time + 50 }].slice(-4);
        }
        expect(store.size).toBe(known.length);
      }),
    );
  });

  it('refuses a further delivery rather than forget one that is being handled', async () => {
    const { store, begin } = full(2);
    await begin('a');
    await begin('b');
    await expect(begin('c')).rejects.toMatchObject({ code: 'dedupe_store_full' });
    expect(await begin('a')).toBe('in_flight');
    await store.release('b', 'token of b');
    expect(await begin('c')).toBe('acquired');
  });

  it('makes room from leases that have ended', async () => {
    const { begin, pass } = full(2);
    await begin('a');
    pass(60);
    await begin('b');
    await expect(begin('c')).rejects.toMatchObject({ code: 'dedupe_store_full' });
    pass(40);
    expect(await begin('c')).toBe('acquired');
    await expect(begin('d')).rejects.toMatchObject({ code: 'dedupe_store_full' });
    pass(60);
    expect(await begin('d')).toBe('acquired');
  });

  it('stays within its bound and never gives a running id twice, whatever happens', async () => {
    const step = fc.record({
      verb: fc.constantFrom('begin', 'commit', 'release', 'pass'),
      id: fc.integer({ min: 0, max: 5 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { store, begin, pass } = full(3);
        let time = 0;
        const leases = new Map<string, number>();
        for (const { verb, id: number } of steps) {
          const id = `id ${number}`;
          if (verb === 'pass') {
            pass(30);
            time += 30;
          } else if (verb === 'begin') {
            const claim = await begin(id).catch(() => 'full');
            const isRunning = (leases.get(id) ?? 0) > time;
            expect(claim === 'acquired' && isRunning).toBe(false);
            if (claim === 'acquired') leases.set(id, time + 100);
          } else if (verb === 'commit') {
            if (await store.commit(id, `token of ${id}`, 50)) leases.delete(id);
          } else if (await store.release(id, `token of ${id}`)) {
            leases.delete(id);
          }
          expect(store.size).toBeLessThanOrEqual(3);
        }
      }),
    );
  });

  it.each([0, -1, 1.5, Number.NaN])('cannot be made for %s entries', (maxEntries) => {
    expect(() => new MemoryDedupeStore({ maxEntries })).toThrow(/whole number of at least 1/);
  });
});
