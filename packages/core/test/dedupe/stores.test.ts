import { setTimeout as sleep } from 'node:timers/promises';
import { dedupeStoreChecks, type DedupeStoreWorld } from '@ezthrottle/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type OpenStore, openStore, storeKinds, type StorePlace } from './open-store.ts';
import { type Places, startPlaces } from './places.ts';
import { startSource } from './source-process.ts';

/** The first time, a service may have to be fetched. */
const START_MS = 180_000;

let places: Places;

beforeAll(async () => {
  places = await startPlaces();
}, START_MS);

afterAll(() => places[Symbol.asyncDispose]());

describe.each(storeKinds)('the dedupe store over %s', (kind) => {
  let place: StorePlace;
  const opened: OpenStore[] = [];
  let next = 0;

  beforeAll(async () => {
    place = places.of(kind);
    // At once, as the instances of an application start.
    opened.push(...(await Promise.all([1, 2, 3].map(() => openStore(place)))));
  });

  afterAll(async () => {
    await opened[0]?.clear();
    for (const each of opened) await each[Symbol.asyncDispose]();
  });

  const world: DedupeStoreWorld = {
    open: () => {
      next += 1;
      return storeOf(next);
    },
    pass: (ms) => sleep(ms),
  };

  function storeOf(index: number): OpenStore['store'] {
    const open = opened[index % opened.length];
    if (open === undefined) throw new Error('no store is open');
    return open.store;
  }

  test.each(Object.entries(dedupeStoreChecks))('%s', (_, check) => check(world));

  test.each([0, -1, Number.NaN])('refuses a lease and a memory of %s milliseconds', async (ms) => {
    const store = storeOf(0);
    await expect(store.begin('a', { leaseMs: ms, token: 't' })).rejects.toThrow(/leaseMs must be/);
    await expect(store.commit('a', 't', ms)).rejects.toThrow(/ttlMs must be/);
  });
});

// All at once: they wait for leases.
describe.concurrent('a claim whose process was killed', () => {
  test.for(storeKinds)('is given to another after its lease, over %s', async (kind, { expect }) => {
    const leaseMs = 3_000;
    const place = places.of(kind);
    const id = 'delivery of a process that dies';
    await using open = await openStore(place);
    const child = await startSource('claim-and-wait.ts', { place, id, leaseMs });
    await child.kill();
    expect(child.firstLine).toBe('acquired');

    const { store } = open;
    const begin = (): Promise<string> => store.begin(id, { leaseMs: 60_000, token: 'next' });
    expect(await begin()).toBe('in_flight');
    await expect.poll(begin, { interval: 100, timeout: 10_000 }).toBe('acquired');
    expect(await store.commit(id, 'of a process that dies', 60_000)).toBe(false);
    expect(await store.commit(id, 'next', 60_000)).toBe(true);
    await open.clear();
  });
});
