import { type JobState } from '@ezthrottle/core/protocol';
import type { ArchiveSource, ArchiveTarget } from '../archive/archive-ports.ts';
import {
  ARCHIVE_TABLES,
  type ArchiveRow,
  type ArchiveTable,
  SEALING_KEY_COLUMNS,
} from '../archive/archive-tables.ts';
import { DERIVED, insertOf, probeOf, selectOf } from './archive-shapes.ts';
import { archiveRow, sqlValues } from './archive-values.ts';
import { JOB_STATE_CODES } from './codes.ts';
import { type Connection, openConnection } from './connection.ts';
import { migrate } from './migrate.ts';
import { MIGRATIONS } from './migrations.ts';
import { coded, integer, text } from './row.ts';

const ROWS_AT_ONCE = 500;

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
    for (const row of this.#connection.prepare(selectOf(table)).iterate()) {
      some.push(archiveRow(table, row));
      if (some.length < ROWS_AT_ONCE) continue;
      yield some;
      some = [];
    }
    yield some;
  }

  async close(): Promise<void> {
    this.#connection.close();
  }
}

class SqliteArchiveTarget implements ArchiveTarget {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async firstFilled(): Promise<string | null> {
    const filled = ARCHIVE_TABLES.find(
      (table) => this.#connection.prepare(probeOf(table)).get() !== undefined,
    );
    return filled?.name ?? null;
  }

  async insert(table: ArchiveTable, rows: readonly ArchiveRow[]): Promise<void> {
    const statement = this.#connection.prepare(insertOf(table));
    for (const row of rows) statement.run(...sqlValues(table, row));
  }

  async finish(): Promise<void> {
    for (const sql of DERIVED) this.#connection.execute(sql);
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
