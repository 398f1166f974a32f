import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';

export type SqlValue = null | number | string | Uint8Array;

/** A row as the driver gives it: by column name. */
export type Row = Readonly<Record<string, null | number | bigint | string | Uint8Array>>;

/** A prepared statement. Values are bound by position. */
export interface Statement {
  all(...values: readonly SqlValue[]): readonly Row[];
  get(...values: readonly SqlValue[]): Row | undefined;
  /** One row after the other, as they are asked for. */
  iterate(...values: readonly SqlValue[]): Iterable<Row>;
  run(...values: readonly SqlValue[]): { readonly changes: number; readonly rowId: number };
}

/** One open database file. Everything is synchronous; nothing else in the server knows the driver. */
export interface Connection {
  /** Prepares once; the same text gives the same statement. */
  prepare(sql: string): Statement;
  /** Runs a script of several statements, without values. */
  execute(sql: string): void;
  /** Whether a transaction is open: some errors end one without being asked. */
  readonly isInTransaction: boolean;
  close(): void;
}

export interface ConnectionOptions {
  /** Path of the file, created when absent; `:memory:` for a store that is forgotten. */
  readonly file: string;
  /** How long to wait for another process that holds the file. Default 5 000. */
  readonly busyTimeoutMs?: number;
}

/** The database engine refused; `resultCode` is SQLite's primary result code. */
export class SqliteError extends Error {
  readonly code = 'sqlite_error';
  override readonly name = 'SqliteError';
  readonly resultCode: number;

  constructor(message: string, resultCode: number, cause: unknown) {
    super(message, { cause });
    this.resultCode = resultCode;
  }
}

/**
 * From this length the connection that writes copies the log into the database by itself. A thread does
 * so before, so that next to nothing is left to do, and the log begins anew.
 */
const LOG_PAGES = 2_000;

/**
 * Of new files. A job's call with a body of some hundred bytes fills a page of 4 096 badly: an eighth of
 * the file stays empty. Twice that costs nothing measurable elsewhere.
 */
const PAGE_BYTES = 8_192;

const IN_MEMORY = ':memory:';

/** The log is cut back to this after a checkpoint, should one burst have made it long. */
const LOG_KEPT_BYTES = 64 * 1024 * 1024;

/**
 * Opens a file in write-ahead mode, flushed at every commit.
 *
 * @throws SqliteError when the file cannot be opened or is no database.
 */
export function openConnection(options: ConnectionOptions): Connection {
  if (options.file !== IN_MEMORY) createPrivateFile(options.file);
  return translated(() => {
    const database = new DatabaseSync(options.file, {
      timeout: options.busyTimeoutMs ?? 5_000,
      enableForeignKeyConstraints: true,
      enableDoubleQuotedStringLiterals: false,
    });
    database.exec(`PRAGMA page_size = ${PAGE_BYTES}`);
    database.exec('PRAGMA journal_mode = WAL');
    database.exec('PRAGMA synchronous = FULL');
    database.exec(`PRAGMA wal_autocheckpoint = ${LOG_PAGES}`);
    database.exec(`PRAGMA journal_size_limit = ${LOG_KEPT_BYTES}`);
    // What a row leaves behind is overwritten, also where it was moved from and in pages that become free:
    // rows that are erased later have no forgotten copies. Costs nothing measurable per job.
    database.exec('PRAGMA secure_delete = ON');
    database.exec('PRAGMA temp_store = MEMORY');
    database.exec('PRAGMA cache_size = -16384');
    return new SqliteConnection(database);
  });
}

/**
 * Opens a file that is there to look at it, also while a server works with it. Changes nothing.
 *
 * @throws SqliteError when the file cannot be opened or is no database.
 */
export function openForReading(file: string): Connection {
  return translated(
    () => new SqliteConnection(new DatabaseSync(file, { readOnly: true, timeout: 5_000 })),
  );
}

class SqliteConnection implements Connection {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, Statement>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  get isInTransaction(): boolean {
    return this.#database.isTransaction;
  }

  prepare(sql: string): Statement {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = new SqliteStatement(translated(() => this.#database.prepare(sql)));
    this.#statements.set(sql, statement);
    return statement;
  }

  execute(sql: string): void {
    translated(() => this.#database.exec(sql));
  }

  close(): void {
    this.#statements.clear();
    if (this.#database.isOpen) translated(() => this.#database.close());
  }
}

class SqliteStatement implements Statement {
  readonly #statement: StatementSync;

  constructor(statement: StatementSync) {
    this.#statement = statement;
  }

  // No closures here: these run a dozen times per job.
  all(...values: readonly SqlValue[]): readonly Row[] {
    try {
      return this.#statement.all(...values);
    } catch (error) {
      throw translation(error);
    }
  }

  get(...values: readonly SqlValue[]): Row | undefined {
    try {
      return this.#statement.get(...values);
    } catch (error) {
      throw translation(error);
    }
  }

  *iterate(...values: readonly SqlValue[]): Iterable<Row> {
    try {
      yield* this.#statement.iterate(...values);
    } catch (error) {
      throw translation(error);
    }
  }

  run(...values: readonly SqlValue[]): { readonly changes: number; readonly rowId: number } {
    try {
      const result = this.#statement.run(...values);
      return { changes: Number(result.changes), rowId: Number(result.lastInsertRowid) };
    } catch (error) {
      throw translation(error);
    }
  }
}

/** The file holds bodies and hashes of keys: only its owner reads it. SQLite's side files follow it. */
function createPrivateFile(file: string): void {
  mkdirSync(dirname(file), { recursive: true });
  closeSync(openSync(file, 'a', 0o600));
}

function translated<Result>(action: () => Result): Result {
  try {
    return action();
  } catch (error) {
    throw translation(error);
  }
}

function translation(error: unknown): unknown {
  if (!(error instanceof Error) || !('errcode' in error)) return error;
  // Extended codes carry the primary one in their low byte.
  return new SqliteError(error.message, Number(error.errcode) & 0xff, error);
}
