import { API_KEY, newJob, ORGANIZATION } from '@ezthrottle/testkit/store-data';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type PostgresService, startPostgres } from '../../../../scripts/services/postgres.ts';
import { systemClock } from '../../src/clock.ts';
import { crowdedTables } from '../../src/store/postgres/dead-rows.ts';
import { Database } from '../../src/store/postgres/database.ts';
import { openPostgresStore } from '../../src/store/postgres/postgres-store.ts';
import { createVacuum } from '../../src/upkeep/vacuum.ts';
import { until } from '../running-server.ts';
import { type TemporarySchema, temporarySchema } from '../temporary-postgres-store.ts';

let postgres: PostgresService;
let place: TemporarySchema;
let database: Database;

beforeAll(async () => {
  // As between two of its rounds, which are a minute apart where nobody has set it otherwise.
  postgres = await startPostgres({ settings: { autovacuum: 'off' } });
  place = await temporarySchema(postgres.url);
  database = new Database({ url: place.url, schema: place.schema });
  const store = await openPostgresStore({ url: place.url, schema: place.schema });
  await store.commit([{ type: 'put_organization', organization: ORGANIZATION }]);
  await store.commit([{ type: 'put_api_key', apiKey: API_KEY }]);
  await store.commit([{ type: 'submit', job: newJob() }]);
  await store.close();
}, 180_000);

afterAll(async () => {
  await database.close();
  await place[Symbol.asyncDispose]();
  await postgres[Symbol.asyncDispose]();
});

/** As many jobs come and go as leave this many dead rows behind. */
async function goThrough(rows: number): Promise<void> {
  await place.query(
    `INSERT INTO runs SELECT (jsonb_populate_record(one, jsonb_build_object('job', one.job + number))).*
     FROM runs AS one, generate_series(1, ${rows}) AS number`,
  );
  await place.query('DELETE FROM runs WHERE job > (SELECT min(job) FROM runs)');
}

async function dead(): Promise<number> {
  // A connection tells what it has done with its next statement, a second later.
  await place.query('SELECT');
  const rows = await crowdedTables(database).rows();
  return rows.find(({ table }) => table === 'runs')?.dead ?? Number.NaN;
}

async function sizeOfRuns(): Promise<unknown> {
  const [row] = await place.query(`SELECT pg_table_size('runs') AS size`);
  return row?.['size'];
}

it('uses the room of jobs that have gone again, without waiting for autovacuum', async () => {
  const vacuum = createVacuum({
    tables: crowdedTables(database),
    clock: systemClock,
    onError: (error) => expect.fail(String(error)),
  });
  const sizes: unknown[] = [];
  for (let round = 0; round < 3; round += 1) {
    await goThrough(20_000);
    await until(dead, (count) => count >= 20_000);
    expect(await vacuum.runOnce()).toEqual(['runs']);
    sizes.push(await sizeOfRuns());
    expect(await vacuum.runOnce()).toEqual([]);
  }
  expect(new Set(sizes).size).toBe(1);
}, 60_000);

it('lets everybody read and write meanwhile, and passes over a table that somebody else vacuums', async () => {
  const tables = crowdedTables(database);
  const other = new Database({ url: place.url, schema: place.schema });
  const connection = await other.connect();
  await connection.script('BEGIN; LOCK TABLE {runs} IN SHARE UPDATE EXCLUSIVE MODE');
  await tables.vacuum('runs');
  await connection.script('ROLLBACK');
  connection.release(false);
  await other.close();
}, 60_000);
