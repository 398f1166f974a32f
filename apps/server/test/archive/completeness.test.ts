import { afterAll, beforeAll, expect, it } from 'vitest';
import { type PostgresService, startPostgres } from '../../../../scripts/services/postgres.ts';
import { ARCHIVE_TABLES } from '../../src/store/archive/archive-tables.ts';
import { openPostgresStore } from '../../src/store/postgres/postgres-store.ts';
import { text } from '../../src/store/rows/row.ts';
import { openConnection } from '../../src/store/sqlite/connection.ts';
import { migrate } from '../../src/store/sqlite/migrate.ts';
import { MIGRATIONS } from '../../src/store/sqlite/migrations.ts';
import { temporarySchema } from '../temporary-postgres-store.ts';

// A column that a migration adds belongs into archives, or else here with the reason.

/** What follows from other columns, or only holds in the place where it is. */
const LEFT_OUT = {
  sqlite: [
    'attempts.id: job and attempt',
    'deliveries.dead_organization: of the job',
    'deliveries.id: job and webhook',
    'delivery_attempts.delivery: job and webhook',
    'idempotency_keys.*: of the job',
    'job_counts.*: counted',
    'job_payloads.job: of the job',
    'jobs.id: numbered anew',
    'runs.attempts: attempts_given',
    'runs.data: run',
    'runs.job: of the job',
    'schema_migrations.*: of the schema',
    'tags.*: of the job',
    'work.account: of the job',
    'work.job: of the job',
  ],
  postgres: [
    'allotments.*: of the nodes',
    'attempts.job: of the job',
    'commit_marks.*: counted',
    'deliveries.job: of the job',
    'deliveries.organization: of the job',
    'deliveries.slot: of the url',
    'delivery_attempts.job: of the job',
    'destinations.slot: of the origin',
    'divided_keys.*: of the nodes',
    'ended.expires_at: end and window',
    'ended.job: of the job',
    'fences.*: of the nodes',
    'idempotency_keys.*: of the job',
    'inbox.*: has to be empty',
    'inbox_refusals.*: stays',
    'jobs.id: numbered anew',
    'nodes.*: of the nodes',
    'pace.slot: of the destination',
    'revisions.*: of the nodes',
    'runs.attempts: attempts_given',
    'runs.data: run',
    'runs.is_tagged: of the tags',
    'runs.job: of the job',
    'runs.slot: of the first path',
    'schema_migrations.*: of the schema',
    'slots.*: of the nodes',
    'tags.*: of the job',
    'work.account: of the job',
    'work.job: of the job',
    'work.slot: of the destination',
  ],
} as const;

/** Tables whose rows are told as a part of a job's own. */
const OF_JOBS: readonly string[] = ['jobs', 'job_payloads', 'runs', 'ended'];

const TOLD = new Map<string, readonly string[]>(
  ARCHIVE_TABLES.flatMap(({ name, columns, parts }) => [
    [name, Object.keys(columns)] as const,
    ...Object.entries(parts).map(([part, of]) => [part, Object.keys(of)] as const),
  ]),
);

function untold(columns: readonly (readonly [table: string, column: string])[]): readonly string[] {
  const names = columns.flatMap(([table, column]) => {
    const told = TOLD.get(OF_JOBS.includes(table) ? 'jobs' : table);
    if (told === undefined || table === 'idempotency_keys') return [`${table}.*`];
    return told.includes(column) ? [] : [`${table}.${column}`];
  });
  return [...new Set(names)].toSorted();
}

function namesOf(leftOut: readonly string[]): readonly string[] {
  return leftOut.map((entry) => entry.slice(0, entry.indexOf(':'))).toSorted();
}

let postgres: PostgresService;

beforeAll(async () => {
  postgres = await startPostgres();
}, 180_000);

afterAll(() => postgres[Symbol.asyncDispose]());

it('an archive tells every column of a data folder that does not follow from others', () => {
  const connection = openConnection({ file: ':memory:' });
  migrate(connection, MIGRATIONS, { now: () => 0 });
  const rows = connection
    .prepare(
      `SELECT tables.name AS table_name, columns.name AS column_name
       FROM sqlite_master AS tables, pragma_table_info(tables.name) AS columns
       WHERE tables.type = 'table'`,
    )
    .all();
  connection.close();
  const columns = rows.map((row) => [text(row, 'table_name'), text(row, 'column_name')] as const);
  expect(untold(columns)).toEqual(namesOf(LEFT_OUT.sqlite));
});

it('an archive tells every column of a database that does not follow from others', async () => {
  await using place = await temporarySchema(postgres.url);
  await (await openPostgresStore(place)).close();
  const rows = await place.query(
    `SELECT table_name, column_name FROM information_schema.columns JOIN information_schema.tables
       USING (table_schema, table_name)
     WHERE table_schema = $1 AND table_type = 'BASE TABLE'`,
    [place.schema],
  );
  const columns = rows.map(
    (row) => [String(row['table_name']), String(row['column_name'])] as const,
  );
  expect(untold(columns)).toEqual(namesOf(LEFT_OUT.postgres));
});
