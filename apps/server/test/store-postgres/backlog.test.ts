import type { NewJob, Store } from '@ezthrottle/engine';
import {
  API_KEY,
  endingAdvance,
  newAdvance,
  newArmed,
  newDelivery,
  newEnd,
  newEnded,
  newJob,
  newSettle,
  newWork,
  ORGANIZATION,
  ORIGIN,
  T0,
} from '@ezthrottle/testkit/store-data';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type PostgresService, startPostgres } from '../../../../scripts/services/postgres.ts';
import { openPostgresStore } from '../../src/store/postgres/postgres-store.ts';
import { type TemporarySchema, temporarySchema } from '../temporary-postgres-store.ts';

const BATCH = 100;
const BACKLOG = 12_000;
const TABLES = ['jobs', 'runs', 'work', 'ended', 'attempts', 'deliveries', 'idempotency_keys'];

let postgres: PostgresService;

beforeAll(async () => {
  postgres = await startPostgres();
}, 180_000);

afterAll(() => postgres[Symbol.asyncDispose]());

/** Jobs in line, delayed jobs, and jobs that have ended with a delivery that waits. */
async function putBacklog(store: Store): Promise<void> {
  for (let put = 0; put < BACKLOG; put += 500) {
    const jobs = Array.from({ length: 500 }, (_, number) =>
      newJob(
        number % 2 === 0
          ? { wakeAt: T0 + 1_000_000 }
          : { work: [newWork({ state: 'delayed', readyAt: T0 + 1_000_000 })] },
      ),
    );
    await store.commit(jobs.map((job) => ({ type: 'submit', job })));
    const ended = jobs.slice(0, 100);
    await store.commit(
      ended.map(({ id }) =>
        endingAdvance(id, 1, newEnd(), {
          deliveries: [newDelivery({ nextAttemptAt: T0 + 1_000_000 })],
        }),
      ),
    );
  }
}

/** Everything that happens to jobs on their way, and what the dispatcher reads for it. */
async function live(store: Store): Promise<void> {
  for (let round = 0; round < 5; round += 1) {
    const jobs: NewJob[] = Array.from({ length: BATCH }, () =>
      newJob({ work: [newWork({ state: 'delayed', readyAt: T0 })] }),
    );
    const rows = jobs.map(({ id }) => ({ jobId: id, leg: 0 }));
    const deliveries = jobs.map(() => newDelivery({ nextAttemptAt: T0 }));
    await store.commit(jobs.map((job) => ({ type: 'submit', job })));
    await store.commit(jobs.map((job) => ({ type: 'submit', job })));
    expect((await store.work.due(T0, BATCH)).length).toBe(BATCH);
    await store.commit([{ type: 'stage', rows }]);
    const line = { organization: ORGANIZATION.id, apiKey: API_KEY.id, userId: '', origin: ORIGIN };
    expect((await store.work.ready(line, null, BATCH)).length).toBe(BATCH);
    await store.jobs.live(jobs.map(({ id }) => id));
    await store.commit(
      jobs.map(({ id }) =>
        newAdvance(id, 1, { putWork: [newWork({ state: 'armed' })], armed: [newArmed()] }),
      ),
    );
    await store.commit(
      jobs.map(({ id }, number) =>
        endingAdvance(id, 2, newEnd(), {
          ended: [newEnded()],
          deliveries: deliveries.slice(number, number + 1),
        }),
      ),
    );
    expect((await store.deliveries.due(T0, BATCH)).length).toBe(BATCH);
    await store.commit(deliveries.map(({ id }) => newSettle(id)));
    await store.work.nextDueAt();
    await store.work.nextWakeAt();
    await store.work.wakeable(T0, BATCH);
    await store.deliveries.nextDueAt();
  }
}

/** Rows and entries of indexes that were read since the beginning, by tables. */
async function readsOf(place: TemporarySchema): Promise<number> {
  const [row] = await place.query(
    `SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::float8 AS reads
     FROM pg_stat_user_tables WHERE schemaname = $1 AND relname = ANY($2)`,
    [place.schema, TABLES],
  );
  return Number(row?.['reads']);
}

/** What `run` reads. Connections tell their numbers when they end. */
async function counted(
  place: TemporarySchema,
  run: (store: Store) => Promise<void>,
): Promise<number> {
  const before = await readsOf(place);
  const applicationName = `reads ${place.schema}`;
  const { url, schema } = place;
  const store = await openPostgresStore({ url, schema, applicationName });
  await run(store);
  await store.close();
  const connections = 'SELECT 1 FROM pg_stat_activity WHERE application_name = $1';
  while ((await place.query(connections, [applicationName])).length > 0);
  return (await readsOf(place)) - before;
}

/** Statistics as they may be when a burst begins. */
const STATISTICS: readonly {
  readonly kind: string;
  readonly take: (place: TemporarySchema, table: string) => Promise<unknown>;
}[] = [
  {
    kind: 'know of none',
    take: (place, table) =>
      place.query(
        `UPDATE pg_class SET relpages = 1000, reltuples = 1
         WHERE oid = '${place.schema}.${table}'::regclass`,
      ),
  },
  {
    kind: 'were taken when all was done',
    take: (place, table) => place.query(`VACUUM ANALYZE ${table}`),
  },
];

it.each(STATISTICS)(
  'a job costs the same whether few wait or very many, though the statistics $kind',
  async ({ take }) => {
    await using place = await temporarySchema(postgres.url);
    const { url, schema } = place;
    const store = await openPostgresStore({ url, schema });
    await store.commit([
      { type: 'put_organization', organization: ORGANIZATION },
      { type: 'put_api_key', apiKey: API_KEY },
    ]);
    for (const table of TABLES) {
      await place.query(`ALTER TABLE ${table} SET (autovacuum_enabled = false)`);
    }
    await live(store);
    for (const table of TABLES) await take(place, table);
    const few = await counted(place, live);
    await putBacklog(store);
    await store.close();
    const many = await counted(place, live);
    expect(few).toBeGreaterThan(5 * BATCH);
    // Rows that died a moment ago are passed now and then; to go past the backlog once would be 2,400 more for each.
    expect(many).toBeLessThan(2 * few);
  },
  120_000,
);

it('numbers of jobs stay right over very many batches, whose mark has no long past', async () => {
  await using place = await temporarySchema(postgres.url);
  const { url, schema } = place;
  const store = await openPostgresStore({ url, schema });
  await store.commit([
    { type: 'put_organization', organization: ORGANIZATION },
    { type: 'put_api_key', apiKey: API_KEY },
    { type: 'submit', job: newJob() },
  ]);
  const names = new Set<unknown>();
  for (let batch = 1; batch < 1_100; batch += 1) {
    await store.commit([{ type: 'put_pace', rows: [] }]);
    if (batch % 100 === 0) {
      const marks = await place.query('SELECT instance FROM commit_marks');
      // One for each lane, of which one batch after the other needs the first only.
      expect(marks.length).toBe(2);
      for (const { instance } of marks) names.add(instance);
    }
  }
  expect(names.size).toBe(1 + 3);
  const numbers = await place.query('SELECT number::int FROM commit_marks ORDER BY number');
  expect(numbers).toEqual([{ number: 0 }, { number: 1_100 }]);
  expect(await store.jobs.counts()).toMatchObject({ pending: 1 });
  await store.close();
}, 60_000);
