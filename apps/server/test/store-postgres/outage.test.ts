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
} from '@ezthrottle/testkit/store-suite';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type PostgresService, startPostgres } from '../../../../scripts/services/postgres.ts';
import { openPostgresStore } from '../../src/store/postgres/postgres-store.ts';
import { type TemporarySchema, temporarySchema } from '../temporary-postgres-store.ts';
import { type Cut, startCuttingProxy } from './cutting-proxy.ts';

let postgres: PostgresService;
let place: TemporarySchema;
const stores: Store[] = [];

beforeAll(async () => {
  postgres = await startPostgres();
}, 180_000);

afterAll(() => postgres[Symbol.asyncDispose]());

beforeEach(async () => {
  place = await temporarySchema(postgres.url);
  return async () => {
    await Promise.all(stores.splice(0).map((store) => store.close()));
    await place[Symbol.asyncDispose]();
  };
});

async function opened(options: Partial<Parameters<typeof openPostgresStore>[0]> = {}) {
  const { url, schema } = place;
  const store = await openPostgresStore({ url, schema, ...options });
  stores.push(store);
  await store.commit([
    { type: 'put_organization', organization: ORGANIZATION },
    { type: 'put_api_key', apiKey: API_KEY },
  ]);
  return store;
}

const submitted = (job: NewJob) => ({ type: 'submit', job }) as const;

/** What the tables say, beside the store. */
async function found(): Promise<Record<string, unknown>> {
  const [row = {}] = await place.query(
    `SELECT (SELECT count(*)::int FROM jobs) AS jobs, (SELECT count(*)::int FROM runs) AS runs,
       (SELECT count(*)::int FROM ended) AS ended, (SELECT count(*)::int FROM attempts) AS attempts,
       (SELECT count(*)::int FROM idempotency_keys) AS keys`,
  );
  return row;
}

describe('a connection that is cut while a batch is committed', () => {
  it.each([
    ['before', 'the database has heard of it'],
    ['after', 'its answer has come'],
    ['late', 'the database has come to it'],
  ] satisfies readonly (readonly [Cut, string])[])(
    '%s %s loses nothing and repeats nothing',
    async (cut: Cut, _when) => {
      await using proxy = await startCuttingProxy(place.url);
      const store = await opened({ url: proxy.url });
      const [first, second] = [newJob(), newJob()];
      await store.commit([submitted(first)]);

      proxy.cut = cut;
      const armed = await store.commit([
        submitted(second),
        newAdvance(first.id, 1, { putWork: [newWork({ state: 'armed' })], armed: [newArmed()] }),
      ]);
      proxy.cut = cut;
      const delivery = newDelivery();
      const ending = endingAdvance(first.id, 2, newEnd(), {
        ended: [newEnded()],
        deliveries: [delivery],
      });
      const ended = await store.commit([ending]);
      proxy.cut = cut;
      const settled = await store.commit([newSettle(delivery.id)]);

      expect(proxy.cuts).toBe(3);
      expect([...armed, ...ended, ...settled]).toEqual(Array(4).fill({ verdict: 'ok' }));
      expect(await found()).toEqual({ jobs: 2, runs: 1, ended: 1, attempts: 1, keys: 2 });
      expect(await store.jobs.counts()).toMatchObject({ pending: 1, processing: 0, completed: 1 });
      expect(await store.jobs.live([second.id])).toMatchObject([{ version: 1 }]);
      expect(await store.commit([ending])).toEqual([{ verdict: 'gone' }]);
    },
  );
});

describe('a database that comes and goes', () => {
  it.each([
    [1, 'one after the other'],
    [3, 'beside each other'],
  ])(
    'ends connections at any moment: every batch is written, and none of them twice (%i: %s)',
    async (writers) => {
      const name = `cut ${place.schema}`;
      const store = await opened({ applicationName: name });
      let cuts = 0;
      let isOver = false;
      const cutting = (async () => {
        while (!isOver) {
          await new Promise((resolve) => setTimeout(resolve, 50 + Math.random() * 100));
          const cut = await place.query(
            'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1',
            [name],
          );
          cuts += cut.length;
        }
      })();
      let batches = 0;
      const writing = async (): Promise<void> => {
        let before: NewJob | null = null;
        for (; cuts < 12; batches += 1) {
          const job = newJob();
          const verdicts = await store.commit([
            submitted(job),
            submitted(newJob()),
            ...(before === null ? [] : [endingAdvance(before.id, 1)]),
          ]);
          expect(verdicts.every(({ verdict }) => verdict === 'ok')).toBe(true);
          before = job;
        }
      };
      try {
        await Promise.all(Array.from({ length: writers }, writing));
      } finally {
        isOver = true;
        await cutting;
      }
      const [jobs, ended] = [2 * batches, batches - writers];
      const live = jobs - ended;
      expect(await found()).toMatchObject({ jobs, ended, runs: live, keys: jobs });
      expect(await store.jobs.counts()).toMatchObject({ pending: live, completed: ended });
    },
  );

  it('crashes and recovers: what was accepted is there, and writing goes on', async () => {
    const store = await opened();
    const jobs: NewJob[] = [];
    const crashing = (async () => {
      for (let crash = 0; crash < 2; crash += 1) {
        await new Promise((resolve) => setTimeout(resolve, 150));
        await postgres.restart('immediate');
      }
    })();
    let isOver = false;
    void crashing.finally(() => {
      isOver = true;
    });
    while (!isOver || jobs.length === 0) {
      const batch = [newJob(), newJob()];
      const verdicts = await store.commit(batch.map(submitted));
      expect(verdicts).toEqual([{ verdict: 'ok' }, { verdict: 'ok' }]);
      jobs.push(...batch);
    }
    await crashing;
    place = await reconnected(place);
    expect(await found()).toMatchObject({ jobs: jobs.length, runs: jobs.length });
    const live = await store.jobs.live(jobs.map(({ id }) => id));
    expect(live.length).toBe(jobs.length);
  });

  it('stays away for too long: the batch fails, and everything after it', async () => {
    await using proxy = await startCuttingProxy(place.url);
    const store = await opened({ url: proxy.url, retryForMs: 200 });
    await proxy[Symbol.asyncDispose]();
    await expect(store.commit([submitted(newJob())])).rejects.toMatchObject({
      code: 'store_failed',
    });
    await expect(store.commit([submitted(newJob())])).rejects.toMatchObject({
      code: 'store_failed',
    });
  });
});

describe('reads that take long', () => {
  it('hold up no batch, however many there are', async () => {
    const store = await opened();
    await place.query('BEGIN');
    await place.query('LOCK TABLE audit_log IN ACCESS EXCLUSIVE MODE');
    const list = { organization: ORGANIZATION.id, action: null, target: null, before: null };
    const reads = Array.from({ length: 12 }, () => store.audit.list({ ...list, limit: 1 }));
    expect(await store.commit([submitted(newJob())])).toEqual([{ verdict: 'ok' }]);
    await place.query('COMMIT');
    expect((await Promise.all(reads)).flat()).toEqual([]);
  });
});

describe('a node whose slots another one has taken', () => {
  const node = '00000000-0000-7000-8000-00000000f001';

  it('writes nothing any more, and says so', async () => {
    const everybody = await opened();
    await place.query('INSERT INTO fences (node, epoch) VALUES ($1, 7)', [node]);
    const store = await openPostgresStore({
      url: place.url,
      schema: place.schema,
      fence: { node, epoch: 7 },
    });
    stores.push(store);
    expect(await store.commit([submitted(newJob())])).toEqual([{ verdict: 'ok' }]);
    await place.query('UPDATE fences SET epoch = 8 WHERE node = $1', [node]);
    await expect(store.commit([submitted(newJob())])).rejects.toMatchObject({
      code: 'node_fenced',
    });
    await place.query('DELETE FROM fences WHERE node = $1', [node]);
    await expect(store.commit([submitted(newJob())])).rejects.toMatchObject({
      code: 'node_fenced',
    });
    expect(await found()).toMatchObject({ jobs: 1 });
    expect(await everybody.commit([submitted(newJob())])).toEqual([{ verdict: 'ok' }]);
  });

  it('is told what became of a batch that it had sent before', async () => {
    await opened();
    await place.query('INSERT INTO fences (node, epoch) VALUES ($1, 1)', [node]);
    await using proxy = await startCuttingProxy(place.url);
    const fence = { node, epoch: 1 };
    const store = await openPostgresStore({ url: proxy.url, schema: place.schema, fence });
    stores.push(store);
    proxy.cut = 'late';
    const verdicts = store.commit([submitted(newJob())]);
    // Waits until the transaction under way is over: its fence row is locked.
    while (proxy.cuts === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await place.query('UPDATE fences SET epoch = 2 WHERE node = $1', [node]);
    expect(await verdicts).toEqual([{ verdict: 'ok' }]);
    expect(await found()).toMatchObject({ jobs: 1 });
  });
});

/** The client beside the store was cut off as well. */
async function reconnected(lost: TemporarySchema): Promise<TemporarySchema> {
  const next = await temporarySchema(postgres.url);
  await next.query(`SET search_path TO "${lost.schema}"`);
  return {
    ...lost,
    query: (sql, values) => next.query(sql, values),
    async [Symbol.asyncDispose]() {
      await next.query(`DROP SCHEMA "${lost.schema}" CASCADE`);
      await next[Symbol.asyncDispose]();
    },
  };
}
