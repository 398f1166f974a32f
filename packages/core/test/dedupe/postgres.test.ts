import { postgresDedupe, postgresDedupeSql } from '@ezthrottle/core/dedupe/postgres';
import { Client, Pool } from 'pg';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startPostgres } from '../../../../scripts/services/postgres.ts';

const resources = new AsyncDisposableStack();
const schema = `dedupe_test_${process.pid}`;
let pool: Pool;
let url: string;

beforeAll(async () => {
  ({ url } = resources.use(await startPostgres()));
  pool = new Pool({ connectionString: url, max: 5 });
  resources.defer(() => pool.end());
  await pool.query(`CREATE SCHEMA "${schema}"`);
  resources.defer(async () => void (await pool.query(`DROP SCHEMA "${schema}" CASCADE`)));
}, 180_000);

afterAll(() => resources.disposeAsync());

const lease = { leaseMs: 60_000, token: 'a' };

test('many instances make the table at once, and none fails', async () => {
  const pools = Array.from({ length: 8 }, () => new Pool({ connectionString: url, max: 1 }));
  const table = `${schema}.made_at_once`;
  await Promise.all(pools.map((each) => postgresDedupe(each, { table }).createTable()));
  expect(await postgresDedupe(pool, { table }).begin('a', lease)).toBe('acquired');
  await Promise.all(pools.map((each) => each.end()));
});

test('a migration makes the same table, and one connection is enough', async () => {
  const table = `${schema}.migrated`;
  await pool.query(postgresDedupeSql(table));
  const client = new Client({ connectionString: url });
  await client.connect();
  const store = postgresDedupe(client, { table });
  await store.createTable();
  expect(await store.begin('a', lease)).toBe('acquired');
  expect(await store.commit('a', 'a', 60_000)).toBe(true);
  await client.end();
});

function resourceOf(sql: postgres.Sql): AsyncDisposable & { readonly sql: postgres.Sql } {
  return { sql, [Symbol.asyncDispose]: () => sql.end() };
}

async function tableWithExpired(table: string, rows: number): Promise<() => Promise<number>> {
  await pool.query(postgresDedupeSql(table));
  await pool.query(
    `INSERT INTO ${table} SELECT 'old ' || n, NULL, now() - interval '1 day' FROM generate_series(1, $1::int) n`,
    [rows],
  );
  return async () => {
    const { rows: counted } = await pool.query(`SELECT count(*)::int AS n FROM ${table}`);
    return counted[0].n;
  };
}

test('expired rows are removed in small steps, and no others', async () => {
  const table = `${schema}.pruned`;
  const count = await tableWithExpired(table, 700);
  const store = postgresDedupe(pool, { table });
  await store.begin('held', lease);
  await store.begin('done', lease);
  await store.commit('done', 'a', 60_000);
  expect([await store.prune(), await store.prune(), await store.prune()]).toEqual([500, 200, 0]);
  expect(await count()).toBe(2);
});

test('a store that only claims removes them, too', async () => {
  const table = `${schema}.pruned_by_the_way`;
  const count = await tableWithExpired(table, 3);
  await using client = resourceOf(postgres(url, { max: 1 }));
  const store = postgresDedupe(client.sql, { table, pruneEvery: 2 });
  await store.begin('one', lease);
  expect(await count()).toBe(4);
  await store.begin('two', lease);
  expect(await count()).toBe(2);
});

test('what is expired and being taken over by another is never said to be done', async () => {
  const table = `${schema}.taken_over`;
  await tableWithExpired(table, 1);
  const other = await pool.connect();
  try {
    await other.query('BEGIN');
    await other.query(`UPDATE ${table} SET token = 'b', expires_at = now() + interval '1 day'`);
    // Sees the row as it was, and waits.
    const claim = postgresDedupe(pool, { table }).begin('old 1', lease);
    const waiting = `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%taken_over%'`;
    const count = async (): Promise<number | null> => (await pool.query(waiting)).rowCount;
    await expect.poll(count, { timeout: 10_000 }).toBe(1);
    await other.query('COMMIT');
    expect(await claim).toBe('in_flight');
  } finally {
    other.release();
  }
});

test('what the database says reaches the caller', async () => {
  const store = postgresDedupe(pool, { table: `${schema}.nowhere` });
  await expect(store.begin('a', lease)).rejects.toMatchObject({ code: '42P01' });
});
