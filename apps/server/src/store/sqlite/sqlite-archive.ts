import { type JobState } from '@ezthrottle/core/protocol';
import type { ArchiveSource, ArchiveTarget } from '../archive/archive-ports.ts';
import {
  ARCHIVE_TABLES,
  type ArchiveRow,
  type ArchiveTable,
  SEALING_KEY_COLUMNS,
} from '../archive/archive-tables.ts';
import { archivedValues } from '../archive/archived-values.ts';
import { JOB_STATE_CODES } from '../rows/codes.ts';
import { coded, integer, text } from '../rows/row.ts';
import { ArchivedJobs } from './archived-jobs.ts';
import { insert, insertJob, sqlValues } from './archive-inserts.ts';
import { type Connection, openConnection } from './connection.ts';
import { migrate } from './migrate.ts';
import { MIGRATIONS } from './migrations.ts';

const ROWS_AT_ONCE = 500;

const TAGS = `INSERT INTO tags (organization, tag, state, created_at, public_id, job)
  SELECT jobs.organization, json_each.value, jobs.state, jobs.created_at, jobs.public_id, jobs.id
  FROM jobs, json_each(jobs.tags) WHERE jobs.tags IS NOT NULL
  ON CONFLICT DO NOTHING`;

/**
 * Opens the database of a stopped server to read all of it.
 *
 * @throws SchemaTooNewError, SqliteError
 */
export function openSqliteArchiveSource(file: string): ArchiveSource {
  return opened(file, (connection) => {
    connection.execute('BEGIN');
    return new SqliteArchiveSource(connection);
  });
}

/**
 * Opens a database, made where there is none, to fill it.
 *
 * @throws SchemaTooNewError, SqliteError
 */
export function openSqliteArchiveTarget(file: string): ArchiveTarget {
  return opened(file, (connection) => {
    connection.execute('BEGIN IMMEDIATE');
    return new SqliteArchiveTarget(connection);
  });
}

function opened<Opened>(file: string, open: (connection: Connection) => Opened): Opened {
  const connection = openConnection({ file });
  try {
    migrate(connection, MIGRATIONS, { now: Date.now });
    return open(connection);
  } catch (error) {
    connection.close();
    throw error;
  }
}

class SqliteArchiveSource implements ArchiveSource {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async masterKeys(): Promise<readonly string[]> {
    const selects = SEALING_KEY_COLUMNS.map(
      ([table, column]) => `SELECT ${column} AS id FROM ${table} WHERE ${column} IS NOT NULL`,
    );
    const rows = this.#connection.prepare(`${selects.join(' UNION ')} ORDER BY id`).all();
    return rows.map((row) => text(row, 'id'));
  }

  async *rows(table: ArchiveTable): AsyncGenerator<readonly ArchiveRow[]> {
    let some: ArchiveRow[] = [];
    for (const row of this.#each(table)) {
      some.push(row);
      if (some.length < ROWS_AT_ONCE) continue;
      yield some;
      some = [];
    }
    yield some;
  }

  *#each(table: ArchiveTable): Iterable<ArchiveRow> {
    const { name, key, columns } = table;
    if (name === 'jobs') {
      yield* new ArchivedJobs(this.#connection, table).rows();
      return;
    }
    const select = `SELECT * FROM ${name} ORDER BY ${key.join(', ')}`;
    for (const row of this.#connection.prepare(select).iterate()) {
      yield { values: archivedValues(columns, row), parts: {} };
    }
  }

  async close(): Promise<void> {
    this.#connection.close();
  }
}

class SqliteArchiveTarget implements ArchiveTarget {
  readonly #connection: Connection;
  #jobs = 0;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async firstFilled(): Promise<string | null> {
    const filled = ARCHIVE_TABLES.find(
      ({ name }) => this.#connection.prepare(`SELECT 1 FROM ${name} LIMIT 1`).get() !== undefined,
    );
    return filled?.name ?? null;
  }

  async insert(table: ArchiveTable, rows: readonly ArchiveRow[]): Promise<void> {
    for (const row of rows) {
      if (table.name === 'jobs') {
        this.#jobs += 1;
        insertJob(this.#connection, this.#jobs, table, row);
      } else insert(this.#connection, table.name, sqlValues(table.columns, row.values));
    }
  }

  async finish(): Promise<void> {
    this.#connection.execute(TAGS);
    const counted = this.#connection.prepare(
      'SELECT state, count(*) AS n FROM jobs GROUP BY state',
    );
    const put = this.#connection.prepare('UPDATE job_counts SET jobs = ? WHERE state = ?');
    for (const row of counted.all()) {
      const state: JobState = coded(row, 'state', JOB_STATE_CODES);
      put.run(integer(row, 'n'), state);
    }
    this.#connection.execute('COMMIT');
  }

  async close(): Promise<void> {
    if (this.#connection.isInTransaction) this.#connection.execute('ROLLBACK');
    this.#connection.close();
  }
}
