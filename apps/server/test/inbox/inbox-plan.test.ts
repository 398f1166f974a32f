import { afterAll, beforeAll, expect, test } from 'vitest';
import { type PostgresService, startPostgres } from '../../../../scripts/services/postgres.ts';
import { systemClock } from '../../src/clock.ts';
import { Database } from '../../src/store/postgres/database.ts';
import { BEGIN_LOOK, createInboxRows, dueRows } from '../../src/store/postgres/inbox-rows.ts';
import { migrate } from '../../src/store/postgres/migrate.ts';
import { MIGRATIONS } from '../../src/store/postgres/migrations.ts';
import { temporarySchema, type TemporarySchema } from '../temporary-postgres-store.ts';

let postgres: PostgresService;
let place: TemporarySchema;
let database: Database;

beforeAll(async () => {
  postgres = await startPostgres();
  place = await temporarySchema(postgres.url);
  database = new Database({ url: place.url, schema: place.schema, connections: 1 });
  await migrate(database, MIGRATIONS, systemClock);
}, 180_000);

afterAll(async () => {
  await database.close();
  await place[Symbol.asyncDispose]();
  await postgres[Symbol.asyncDispose]();
});

/** Nodes of the plan, from the top. */
async function planOf(from: number): Promise<string> {
  const connection = await database.connect();
  try {
    await connection.script(BEGIN_LOOK);
    const [rows = []] = await connection.script(`EXPLAIN (COSTS OFF) ${dueRows(100, from)}`);
    await connection.command('ROLLBACK');
    return rows.map((row) => row['QUERY PLAN']).join('\n');
  } finally {
    connection.release(false);
  }
}

const FILL = `INSERT INTO inbox (id, organization, api_key, job, created_at, due_at)
  SELECT gen_random_uuid(), 1, 1, '{}', number, number FROM generate_series(1, 5000) AS number`;

test('a look reads the due rows in the order of their index, whatever the statistics say', async () => {
  await place.query('VACUUM ANALYZE inbox');
  const whenEmpty = await planOf(0);
  await place.query(FILL);
  // As statistics were taken before the rows came, and after.
  const plans = [whenEmpty, await planOf(0), await planOf(4_000)];
  await place.query('VACUUM ANALYZE inbox');
  plans.push(await planOf(0), await planOf(4_000));

  for (const plan of plans) {
    expect(plan).toContain('Index Scan using inbox_due on inbox');
    expect(plan).not.toMatch(/Sort|Seq Scan on inbox|Bitmap/);
  }
});

test('looks do not go again through what was taken before, and miss nothing that came late', async () => {
  await place.query('TRUNCATE inbox');
  let now = 0;
  const inbox = createInboxRows(database, { monotonic: () => now });
  const taken: string[] = [];
  const look = () =>
    inbox.take(10, async (rows) => {
      taken.push(...rows.map(({ job }) => job));
      return rows.map(() => ({ type: 'taken' }));
    });
  const write = (job: string, ageMs: number) =>
    place.query(
      `WITH owner AS (
         INSERT INTO organizations (public_id, name, created_at)
         VALUES (gen_random_uuid(), '', 0) RETURNING id, public_id
       ), key AS (
         INSERT INTO api_keys (public_id, organization, name, hash, dialect, created_at, scopes)
         SELECT gen_random_uuid(), id, '', repeat(substr(md5(random()::text), 1, 32), 2),
           'ezthrottle', 0, 1 FROM owner RETURNING id, organization
       )
       INSERT INTO inbox (id, organization, api_key, job, created_at, due_at)
       SELECT gen_random_uuid(), organization, id, $1, 0,
         floor(extract(epoch FROM clock_timestamp()) * 1000) - $2::bigint FROM key`,
      [job, ageMs],
    );
  await write('first', 0);
  await look();
  // Committed late: by less than half a minute, and by more.
  await write('a little late', 20_000);
  await write('very late', 60_000);
  await look();
  expect(taken).toEqual(['first', 'a little late']);

  now += 5_000;
  await look();

  expect(taken).toEqual(['first', 'a little late', 'very late']);
});
