import type { Store, StoredResponse } from '@ezthrottle/engine';
import {
  API_KEY,
  endingAdvance,
  newArmed,
  newDelivery,
  newEnd,
  newEnded,
  newJob,
  newSettle,
  newSpec,
  nextId,
  ORGANIZATION,
  T0,
} from '@ezthrottle/testkit/store-data';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PostgresService, startPostgres } from '../../../../scripts/services/postgres.ts';
import { systemClock } from '../../src/clock.ts';
import { LIST_AUDIT } from '../../src/store/postgres/audit-reads.ts';
import { PRUNE_AUDIT } from '../../src/store/postgres/audit-writes.ts';
import { Columns, listOf } from '../../src/store/postgres/columns.ts';
import {
  DEAD_DELIVERIES,
  DEAD_JOBS,
  KNOWN_DELIVERY,
} from '../../src/store/postgres/dead-letter-reads.ts';
import { KEY_SHAPE, TAG_SHAPE } from '../../src/store/postgres/job-rows.ts';
import { LIST_LIMITS } from '../../src/store/postgres/limit-reads.ts';
import { openPostgresStore } from '../../src/store/postgres/postgres-store.ts';
import { ARRIVED_STRETCH, ENDED_STRETCH } from '../../src/store/postgres/privacy-reads.ts';
import {
  DELETE_KEYS,
  DELETE_TAGS,
  DELETIONS,
  ENDED_JOBS,
  PRUNABLE_JOBS,
} from '../../src/store/postgres/prune-writes.ts';
import { LIST_REDRIVES } from '../../src/store/postgres/redrive-reads.ts';
import { OLD_REDRIVES } from '../../src/store/postgres/redrive-writes.ts';
import { type TemporarySchema, temporarySchema } from '../temporary-postgres-store.ts';
import { scanned, stepsOf } from './plan-steps.ts';

const FAR = Number.MAX_SAFE_INTEGER;
const RESPONSE: StoredResponse = {
  status: 200,
  headers: { 'content-type': 'text/plain' },
  body: 'x'.repeat(200),
  bodyEncoding: 'utf8',
  truncated: false,
};

let postgres: PostgresService;

beforeAll(async () => {
  postgres = await startPostgres();
}, 180_000);

afterAll(() => postgres[Symbol.asyncDispose]());

async function opened(place: TemporarySchema, now = 0): Promise<Store> {
  const store = await openPostgresStore({
    ...place,
    clock: { ...systemClock, monotonic: () => now },
  });
  await store.commit([
    { type: 'put_organization', organization: ORGANIZATION },
    { type: 'put_api_key', apiKey: API_KEY },
  ]);
  return store;
}

/** Jobs that have ended, each tenth as a failure, with an attempt, a response, and a dead delivery. */
async function putEnded(store: Store, count: number): Promise<void> {
  const jobs = Array.from({ length: count }, () =>
    newJob({ spec: newSpec({ tags: ['all'] }), armed: [newArmed()] }),
  );
  await store.commit(jobs.map((job) => ({ type: 'submit', job })));
  const deliveries = jobs.map(() => newDelivery());
  const ends = jobs.map(({ id }, index) =>
    endingAdvance(id, 1, newEnd({ state: index % 10 === 0 ? 'failed' : 'completed' }), {
      ended: [newEnded({ response: RESPONSE })],
      deliveries: deliveries.slice(index, index + 1),
    }),
  );
  await store.commit(ends);
  const first = { next: { state: 'pending', nextAttemptAt: T0 + 200 } } as const;
  await store.commit(deliveries.map(({ id }) => newSettle(id, first)));
  const last = { attempt: 2, next: { state: 'dead', reason: 'gave_up' } } as const;
  await store.commit(deliveries.map(({ id }) => newSettle(id, last)));
}

/** Of all tables with their indexes, used or not. */
async function fileBytes(place: TemporarySchema): Promise<number> {
  const [row] = await place.query(
    `SELECT sum(pg_total_relation_size(oid))::float8 AS bytes FROM pg_class
     WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'`,
  );
  return Number(row?.['bytes']);
}

describe('pruning a database', () => {
  it('counts as free what is free once it is cleared: who is near a bound has room again', async () => {
    await using place = await temporarySchema(postgres.url);
    let now = 0;
    const clock = { ...systemClock, monotonic: () => now };
    const store = await openPostgresStore({ ...place, clock });
    await store.commit([
      { type: 'put_organization', organization: ORGANIZATION },
      { type: 'put_api_key', apiKey: API_KEY },
    ]);
    for (let batch = 0; batch < 10; batch += 1) await putEnded(store, 1_000);
    await place.query('VACUUM ANALYZE');
    const full = await store.bytes();
    // Where jobs stood that have ended, there is room already.
    expect(full).toBeGreaterThan(0.65 * (await fileBytes(place)));

    // The oldest ones, so that no file gets shorter.
    const prune = { type: 'prune', now: FAR, jobsEndedBefore: FAR, limit: 1_000 } as const;
    await store.commit(Array.from({ length: 9 }, () => prune));
    now += 5_000;
    expect(await store.bytes()).toBeGreaterThan(0.8 * full);
    await place.query('VACUUM');
    now += 5_000;
    expect(await fileBytes(place)).toBeGreaterThan(0.8 * full);
    expect(await store.bytes()).toBeLessThan(0.5 * full);

    for (let batch = 0; batch < 9; batch += 1) await putEnded(store, 1_000);
    await place.query('VACUUM ANALYZE');
    now += 5_000;
    expect(await store.bytes()).toBeGreaterThan(0.8 * full);
    await store.close();
  }, 60_000);

  it('leaves room that is used again: many rounds take no more of it than few', async () => {
    await using place = await temporarySchema(postgres.url);
    const sizes: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      const store = await opened(place);
      await putEnded(store, 1_500);
      const prune = { type: 'prune', now: FAR, jobsEndedBefore: FAR, limit: 1_000 } as const;
      const counts = await store.commit([prune, prune]);
      expect(counts).toEqual([1_000, 500].map((count) => ({ verdict: 'ok', count })));
      // What autovacuum does by itself after a while.
      await place.query('VACUUM');
      sizes.push(await fileBytes(place));
      await store.close();
    }
    const [, second = 0, , , fifth = 0] = sizes;
    expect(second).toBeGreaterThan(500_000);
    expect(fifth).toBeLessThan(1.1 * second);
    for (const table of ['jobs', 'ended', 'attempts', 'deliveries', 'delivery_attempts', 'tags']) {
      expect(await place.query(`SELECT 1 FROM ${table} LIMIT 1`)).toEqual([]);
    }
    expect(await place.query('SELECT 1 FROM idempotency_keys LIMIT 1')).toEqual([]);
  });

  it('forgets no job that stands in the inbox, from where it would be taken in and called again', async () => {
    await using place = await temporarySchema(postgres.url);
    const store = await opened(place);
    await putEnded(store, 30);
    const [{ id } = {}] = await place.query('SELECT public_id AS id FROM jobs LIMIT 1');
    // As a node leaves it that is killed between the two writes.
    await place.query(
      `INSERT INTO inbox (id, organization, api_key, job, created_at, due_at)
       VALUES ($1, 1, 1, '{}', 0, 0)`,
      [id],
    );
    const prune = { type: 'prune', now: FAR, jobsEndedBefore: FAR, limit: 10 } as const;

    expect(await store.commit([prune, prune, prune])).toEqual(
      [10, 10, 9].map((count) => ({ verdict: 'ok', count })),
    );
    await place.query('DELETE FROM inbox');

    expect(await store.commit([prune])).toEqual([{ verdict: 'ok', count: 1 }]);
    await store.close();
  });

  it('tells how much is stored, and looks again after some seconds', async () => {
    await using place = await temporarySchema(postgres.url);
    let now = 0;
    const clock = { ...systemClock, monotonic: () => now };
    const store = await openPostgresStore({ ...place, clock });
    const empty = await store.bytes();
    await store.close();
    const filled = await opened(place);
    await putEnded(filled, 500);
    await filled.close();
    const again = await openPostgresStore({ ...place, clock });
    const first = await again.bytes();
    expect(first).toBeGreaterThan(empty + 300_000);
    await putEnded(again, 500);
    expect(await again.bytes()).toBe(first);
    now += 5_000;
    expect(await again.bytes()).toBeGreaterThan(first + 300_000);
    await again.close();
  });
});

const ID = nextId();
const LAST = 'ffffffff-ffff-ffff-ffff-ffffffffffff';
const FEW = listOf('int8', [1025, 1026, 1027]);

const IN_ORDER = {
  'jobs to prune': [PRUNABLE_JOBS, [FAR, FAR, 500], 'ended_in_order'],
  'jobs to take something out of': [ENDED_STRETCH, [T0, 0, FAR, 100], 'ended_in_order'],
  'jobs in order of arrival': [ARRIVED_STRETCH, [1, 100], 'jobs_pkey'],
  'limits by key': [LIST_LIMITS, [1, '', 'a', 10], 'limits_pkey'],
  'the audit log': [LIST_AUDIT, [1, FAR, LAST, null, null, 10], 'audit_listed'],
  redrives: [LIST_REDRIVES, [ID, FAR, LAST, 10], 'redrives_listed'],
  'redrives to remove': [OLD_REDRIVES, [T0, 10], 'redrives_ended'],
  'entries of the audit log to remove': [PRUNE_AUDIT, [T0, 10], 'audit_old'],
  'dead jobs, the newest first': [DEAD_JOBS.newest, [1, FAR, LAST, 0, FAR, 100], 'ended_dead'],
  'dead jobs, the oldest first': [DEAD_JOBS.oldest, [1, 0, ID, 0, FAR, 100], 'ended_dead'],
  'dead deliveries, the newest first': [
    DEAD_DELIVERIES.newest,
    [1, FAR, LAST, 0, FAR, 100],
    'deliveries_dead',
  ],
  'dead deliveries, the oldest first': [
    DEAD_DELIVERIES.oldest,
    [1, 0, ID, 0, FAR, 100],
    'deliveries_dead',
  ],
} as const;

const ONE_BY_ONE: readonly (readonly [string, readonly unknown[]])[] = [
  [KNOWN_DELIVERY, [ID, 1]],
  [ENDED_JOBS, [FEW]],
  [DELETE_KEYS, new Columns(KEY_SHAPE).values()],
  [DELETE_TAGS, new Columns(TAG_SHAPE).values()],
  ...DELETIONS.map((sql) => [sql, [FEW]] as const),
];

describe('no statement walks through a table', () => {
  let place: TemporarySchema;

  beforeAll(async () => {
    place = await temporarySchema(postgres.url);
    const store = await opened(place);
    for (let batch = 0; batch < 8; batch += 1) await putEnded(store, 500);
    await store.close();
    await place.query('ANALYZE');
    // As in the store's transactions; and of tables with a few rows only, a scan is as good for a read.
    await place.query('SET enable_seqscan = off');
  }, 60_000);

  afterAll(() => place[Symbol.asyncDispose]());

  it.each(Object.entries(IN_ORDER))(
    '%s are found and put in order by an index',
    async (_, [sql, values, index]) => {
      const steps = await stepsOf(place, sql, values);
      expect(steps.map((step) => step['Index Name'])).toContain(index);
      expect(scanned(steps)).toEqual([]);
      expect(steps.filter((step) => step['Node Type'].includes('Sort'))).toEqual([]);
    },
  );

  it('what hangs on jobs is found by the jobs, key by key', async () => {
    for (const [sql, values] of ONE_BY_ONE) {
      expect([sql, scanned(await stepsOf(place, sql, values))]).toEqual([sql, []]);
    }
  });
});
