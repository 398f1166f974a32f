import type { ArchiveSource, ArchiveTarget } from '../archive/archive-ports.ts';
import {
  ARCHIVE_TABLES,
  type ArchiveRow,
  type ArchiveTable,
  SEALING_KEY_COLUMNS,
} from '../archive/archive-tables.ts';
import { archivedValues } from '../archive/archived-values.ts';
import { text } from '../rows/row.ts';
import { ARCHIVE_SHAPES } from './archive-shapes.ts';
import { archivedJobs } from './archived-jobs.ts';
import { ArchiveInserts } from './archive-inserts.ts';
import { type Connection, Database, type DatabaseOptions } from './database.ts';
import { migrate } from './migrate.ts';
import { MIGRATIONS } from './migrations.ts';

const ROWS_AT_ONCE = 500;

// Jobs are read some at a time, each with what hangs on it by an index.
const READING = [
  'statement_timeout = 0',
  'enable_hashjoin = off',
  'enable_mergejoin = off',
  'jit = off',
];

/** No server has ever worked in this schema of this database. */
class NoStoreError extends Error {
  readonly code = 'no_store';
  override readonly name = 'NoStoreError';

  constructor(schema: string) {
    super(
      `there is no store in schema ${schema} of this database; name another with --database-schema`,
    );
  }
}

/** Jobs that applications have submitted are not jobs of the store yet. */
class InboxNotEmptyError extends Error {
  readonly code = 'inbox_not_empty';
  override readonly name = 'InboxNotEmptyError';

  constructor() {
    super(
      'jobs that applications have submitted within their transactions still wait in the inbox: ' +
        'stop the applications, and the nodes once they have taken these jobs over',
    );
  }
}

type Options = Pick<DatabaseOptions, 'url' | 'schema'>;

/**
 * Opens a store to read all of it, as it stands at this moment.
 *
 * @throws NoStoreError, InboxNotEmptyError, SchemaTooNewError, SchemaNameError; Error of the driver.
 */
export function openPostgresArchiveSource(options: Options): Promise<ArchiveSource> {
  return opened(options, async (database, connection) => {
    const table = `"${database.schema}".organizations`;
    const [found] = await connection.query('SELECT to_regclass($1) AS name', [table]);
    if (found?.['name'] === null) throw new NoStoreError(database.schema);
    await migrate(database, MIGRATIONS, { now: Date.now });
    await connection.command('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    for (const setting of READING) await connection.command(`SET LOCAL ${setting}`);
    const waiting = await connection.query('SELECT 1 FROM {inbox} LIMIT 1');
    if (waiting.length > 0) throw new InboxNotEmptyError();
    return new PostgresArchiveSource(database, connection);
  });
}

/**
 * Opens a schema, made where there is none, to fill it.
 *
 * @throws SchemaTooNewError, SchemaNameError; Error of the driver.
 */
export function openPostgresArchiveTarget(options: Options): Promise<ArchiveTarget> {
  return opened(options, async (database, connection) => {
    await migrate(database, MIGRATIONS, { now: Date.now });
    await connection.command('BEGIN');
    await connection.command('SET LOCAL synchronous_commit = on');
    await connection.command('SET LOCAL statement_timeout = 0');
    // A server that starts meanwhile waits before it writes its first row.
    await connection.script('LOCK TABLE {organizations} IN SHARE ROW EXCLUSIVE MODE');
    return new PostgresArchiveTarget(database, connection);
  });
}

async function opened<Opened>(
  options: Options,
  open: (database: Database, connection: Connection) => Promise<Opened>,
): Promise<Opened> {
  const database = new Database({
    ...options,
    connections: 2,
    applicationName: 'ezthrottle archive',
  });
  try {
    const connection = await database.connect();
    try {
      return await open(database, connection);
    } catch (error) {
      connection.release(true);
      throw error;
    }
  } catch (error) {
    await database.close();
    throw error;
  }
}

class PostgresArchiveSource implements ArchiveSource {
  readonly #database: Database;
  readonly #connection: Connection;

  constructor(database: Database, connection: Connection) {
    this.#database = database;
    this.#connection = connection;
  }

  async masterKeys(): Promise<readonly string[]> {
    const selects = SEALING_KEY_COLUMNS.map(
      ([table, column]) => `SELECT ${column} AS id FROM {${table}} WHERE ${column} IS NOT NULL`,
    );
    const rows = await this.#connection.query(
      `SELECT id FROM (${selects.join(' UNION ')}) AS keys ORDER BY id COLLATE "C"`,
    );
    return rows.map((row) => text(row, 'id'));
  }

  async *rows(table: ArchiveTable): AsyncGenerator<readonly ArchiveRow[]> {
    if (table.name === 'jobs') {
      yield* archivedJobs(this.#connection, table);
      return;
    }
    const connection = this.#connection;
    await connection.script(`DECLARE archived NO SCROLL CURSOR FOR ${selectOf(table)}`);
    for (;;) {
      const rows = await connection.query(`FETCH ${ROWS_AT_ONCE} FROM archived`);
      if (rows.length === 0) break;
      yield rows.map((row) => ({ values: archivedValues(table.columns, row), parts: {} }));
    }
    await connection.script('CLOSE archived');
  }

  async close(): Promise<void> {
    this.#connection.release(true);
    await this.#database.close();
  }
}

/** Text in the order of its bytes, as every store has it. */
function selectOf({ name, key }: ArchiveTable): string {
  const order = key.map((column) => {
    const isText = ARCHIVE_SHAPES.get(name)?.[column] === 'text';
    return isText ? `"${column}" COLLATE "C"` : `"${column}"`;
  });
  return `SELECT * FROM {${name}} ORDER BY ${order.join(', ')}`;
}

class PostgresArchiveTarget implements ArchiveTarget {
  readonly #database: Database;
  readonly #connection: Connection;
  readonly #inserts: ArchiveInserts;
  #isOpen = true;

  constructor(database: Database, connection: Connection) {
    this.#database = database;
    this.#connection = connection;
    this.#inserts = new ArchiveInserts(connection);
  }

  async firstFilled(): Promise<string | null> {
    for (const { name } of ARCHIVE_TABLES) {
      const rows = await this.#connection.query(`SELECT 1 FROM {${name}} LIMIT 1`);
      if (rows.length > 0) return name;
    }
    return null;
  }

  insert(table: ArchiveTable, rows: readonly ArchiveRow[]): Promise<void> {
    return this.#inserts.insert(table, rows);
  }

  async finish(): Promise<void> {
    await this.#inserts.finish();
    await this.#connection.command('COMMIT');
    this.#isOpen = false;
  }

  async close(): Promise<void> {
    // A connection that is cut off takes its transaction with it.
    this.#connection.release(this.#isOpen);
    await this.#database.close();
  }
}
