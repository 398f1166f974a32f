import type { Operation, Store, Verdict } from '@ezthrottle/engine';
import {
  API_KEY,
  endingAdvance,
  newClaim,
  newDelivery,
  newEnd,
  newJob,
  newSettle,
  newSpec,
  nextId,
  ORGANIZATION,
  T0,
} from '@ezthrottle/testkit/store-data';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PostgresService, startPostgres } from '../../../../scripts/services/postgres.ts';
import { openPostgresStore } from '../../src/store/postgres/postgres-store.ts';
import { temporarySchema } from '../temporary-postgres-store.ts';

const organization = ORGANIZATION.id;
const FAR = Number.MAX_SAFE_INTEGER;
const PRUNE = { type: 'prune', now: FAR, jobsEndedBefore: FAR, limit: 40 } as const;

let postgres: PostgresService;

beforeAll(async () => {
  postgres = await startPostgres();
}, 180_000);

afterAll(() => postgres[Symbol.asyncDispose]());

/** A story with two nodes' stores on one database. */
function onTwoStores(story: (one: Store, other: Store) => Promise<void>) {
  return async (): Promise<void> => {
    await using place = await temporarySchema(postgres.url);
    const one = await openPostgresStore(place);
    const other = await openPostgresStore(place);
    try {
      await one.commit([
        { type: 'put_organization', organization: ORGANIZATION },
        { type: 'put_api_key', apiKey: API_KEY },
      ]);
      await story(one, other);
    } finally {
      await Promise.all([one.close(), other.close()]);
    }
  };
}

/** So many times the database had to end a wait for each other. */
async function deadlocks(): Promise<number> {
  await using place = await temporarySchema(postgres.url);
  const [row] = await place.query(
    'SELECT sum(deadlocks)::int AS count FROM pg_stat_database WHERE datname = current_database()',
  );
  return Number(row?.['count']);
}

/** What both said to the same operation at the same moment. */
async function both(one: Store, other: Store, operation: Operation): Promise<readonly Verdict[]> {
  const verdicts = await Promise.all([one.commit([operation]), other.commit([operation])]);
  return verdicts.flat().toSorted((first, second) => (first.verdict < second.verdict ? -1 : 1));
}

/** Jobs that have ended, with the ids of their deliveries, which are dead. */
async function putDead(store: Store, count: number) {
  const pairs = Array.from({ length: count }, () => ({
    job: newJob({ spec: newSpec({ tags: ['t'] }) }),
    delivery: newDelivery(),
  }));
  await store.commit(pairs.map(({ job }) => ({ type: 'submit', job })));
  const ends = pairs.map(({ job, delivery }) =>
    endingAdvance(job.id, 1, newEnd(), { deliveries: [delivery] }),
  );
  await store.commit(ends);
  await store.commit(
    pairs.map(({ delivery }) => newSettle(delivery.id, { next: { state: 'dead' } })),
  );
  return pairs;
}

describe('two nodes at the same moment', () => {
  it(
    'prune each job once, and count what is left',
    onTwoStores(async (one, other) => {
      await putDead(one, 300);
      let gone = 0;
      for (let round = 0; round < 8; round += 1) {
        const verdicts = await both(one, other, PRUNE);
        for (const verdict of verdicts) {
          gone += verdict.verdict === 'ok' ? (verdict.count ?? 0) : Number.NaN;
        }
      }
      expect(gone).toBe(300);
      expect(await one.jobs.counts()).toMatchObject({ completed: 0 });
    }),
  );

  it(
    'prune a job and replay its delivery: the one or the other, never both',
    onTwoStores(async (one, other) => {
      for (let round = 0; round < 25; round += 1) {
        const [pair] = await putDead(one, 1);
        if (pair === undefined) throw new Error('one was asked for');
        const replay = {
          type: 'replay_delivery',
          organization,
          deliveryId: pair.delivery.id,
          at: T0,
        } as const;
        const [[replayed], [pruned]] = await Promise.all([
          one.commit([replay]),
          other.commit([PRUNE]),
        ]);
        const isSent = replayed?.verdict === 'ok';
        expect(replayed?.verdict).toBe(isSent ? 'ok' : 'gone');
        expect(pruned).toEqual({ verdict: 'ok', count: isSent ? 0 : 1 });
        const found = await one.deadLetters.delivery(organization, pair.delivery.id);
        expect(found?.state ?? 'gone').toBe(isSent ? 'pending' : 'gone');
        expect((await one.jobs.get(organization, pair.job.id)) !== null).toBe(isSent);
        if (isSent) await one.commit([newSettle(pair.delivery.id, { attempt: 2 }), PRUNE]);
      }
    }),
  );

  it(
    'make a first signing key, a limit, a redrive: one of them does',
    onTwoStores(async (one, other) => {
      const sealed = { keyId: 'k', nonce: 'n', ciphertext: 'c' };
      const operations: readonly Operation[] = [
        {
          type: 'put_signing_key',
          organization,
          key: { publicKey: 'whpk_one', seed: sealed, createdAt: T0 },
          isRotation: false,
        },
        {
          type: 'put_limit',
          limit: { organization, key: 'a', data: '{}', version: 1, createdAt: T0, updatedAt: T0 },
          replaces: null,
        },
        {
          type: 'put_redrive',
          redrive: {
            id: '00000000-0000-7000-8000-00000000abcd',
            organization,
            data: '{}',
            version: 1,
            createdAt: T0,
            endedAt: null,
          },
          replaces: null,
          items: [],
        },
      ];
      for (const operation of operations) {
        expect(await both(one, other, operation)).toEqual([
          { verdict: 'ok' },
          { verdict: 'stale' },
        ]);
      }
      expect(await one.tenancy.signingKeys(organization)).toHaveLength(1);
    }),
  );

  it(
    'say when API keys were used last, and wait for each other in no order of them',
    onTwoStores(async (one, other) => {
      const keys = Array.from({ length: 20 }, (_, number) => ({
        ...API_KEY,
        id: nextId(),
        hash: String(number).padStart(64, '0'),
      }));
      await one.commit(keys.map((apiKey) => ({ type: 'put_api_key', apiKey })));
      const touch = (from: readonly { readonly id: string }[], at: number): Operation => ({
        type: 'touch_api_keys',
        rows: from.map(({ id }) => ({ id, at })),
      });
      const deadlocksBefore = await deadlocks();
      for (let at = T0; at < T0 + 40; at += 1) {
        await Promise.all([
          one.commit(keys.map((key) => touch([key], at))),
          other.commit(keys.toReversed().map((key) => touch([key], at))),
        ]);
      }
      expect(await deadlocks()).toBe(deadlocksBefore);
      const found = await one.tenancy.apiKeys(organization, 100);
      const used = found.flatMap(({ id, lastUsedAt }) =>
        keys.some((key) => key.id === id) ? [lastUsedAt] : [],
      );
      expect(used).toHaveLength(20);
      for (const at of used) expect(at).toBeGreaterThan(T0 + 30);
    }),
  );

  it(
    'that wait for each other’s keys are both done before the database looks who waits for whom',
    onTwoStores(async (one, other) => {
      const deadlocksBefore = await deadlocks();
      const submit = (key: string): Operation => ({
        type: 'submit',
        job: newJob({ idempotency: newClaim(key) }),
      });
      // Nothing else shares a write with what stands between: one key is taken before it, one behind.
      const between: Operation = { type: 'prune', now: T0, jobsEndedBefore: 0, limit: 1 };
      for (let round = 0; round < 30; round += 1) {
        const [first, second] = [`first ${round}`, `second ${round}`];
        const verdicts = await Promise.all([
          one.commit([submit(first), between, submit(second)]),
          other.commit([submit(second), between, submit(first)]),
        ]);
        const taken = verdicts.flat().map(({ verdict }) => verdict);
        expect(taken.filter((verdict) => verdict === 'duplicate')).toHaveLength(2);
      }
      expect(await deadlocks()).toBe(deadlocksBefore);
    }),
    60_000,
  );

  it(
    'write down what a destination has taught, and lose neither',
    onTwoStores(async (one, other) => {
      const rows = Array.from({ length: 200 }, (_, number) => ({
        organization,
        origin: `https://${number}.test`,
        data: `{"rate":${number}}`,
      }));
      await Promise.all([
        one.commit([{ type: 'put_pace', rows }]),
        other.commit([{ type: 'put_pace', rows: rows.toReversed() }]),
      ]);
      expect(await other.work.pace(1_000)).toHaveLength(200);
      expect(await one.work.paceOf(organization, 'https://7.test')).toBe('{"rate":7}');
    }),
  );
});
