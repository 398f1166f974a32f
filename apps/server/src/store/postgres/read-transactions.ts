import type { Clock } from '@ezthrottle/engine';
import { StoreUnavailableError } from '../store-unavailable-error.ts';
import type { Row } from '../rows/row.ts';
import type { Connection, Database, Queryable, SqlValue } from './database.ts';
import { failureKindOf } from './postgres-error.ts';
import { retried } from './retried.ts';
import { together } from './together.ts';

// As in the transactions that write: reads name their rows or want the first of an index, and a plan that
// was made while a table was small is used on when it is large.
const BEGIN = `BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; SET LOCAL enable_seqscan = off;
  SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL jit = off`;

export interface ReadOptions {
  readonly clock: Pick<Clock, 'monotonic' | 'after'>;
  /** How long a read is tried while the database is away, in milliseconds: somebody waits for it. */
  readonly retryForMs: number;
}

/** Reads, each in a transaction of its own that costs no round trip more. */
export class ReadTransactions implements Queryable {
  readonly #database: Database;
  readonly #options: ReadOptions;

  constructor(database: Database, options: ReadOptions) {
    this.#database = database;
    this.#options = options;
  }

  /** @throws StoreUnavailableError while the database is away. */
  async query(sql: string, values: readonly SqlValue[] = []): Promise<readonly Row[]> {
    const { clock, retryForMs } = this.#options;
    const mayGoBetter = (error: unknown): boolean => {
      const kind = failureKindOf(error);
      if (kind === 'unprepared') this.#database.stopPreparing();
      return kind === 'passing' || kind === 'unprepared';
    };
    try {
      return await retried({ clock, forMs: retryForMs, mayGoBetter }, () =>
        this.#read(sql, values),
      );
    } catch (error) {
      throw failureKindOf(error) === 'passing' ? new StoreUnavailableError(error) : error;
    }
  }

  run(): Promise<never> {
    return Promise.reject(new Error('a read does not write'));
  }

  async #read(sql: string, values: readonly SqlValue[]): Promise<readonly Row[]> {
    const connection = await this.#database.connect();
    let isBroken = true;
    try {
      const rows = await readOn(connection, sql, values);
      isBroken = false;
      return rows;
    } catch (error) {
      // The COMMIT behind the statement has ended its transaction.
      isBroken = failureKindOf(error) !== 'values';
      throw error;
    } finally {
      connection.release(isBroken);
    }
  }
}

async function readOn(
  connection: Connection,
  sql: string,
  values: readonly SqlValue[],
): Promise<readonly Row[]> {
  const [, rows] = await together([
    connection.script(BEGIN),
    connection.query(sql, values),
    connection.command('COMMIT'),
  ]);
  return rows;
}
