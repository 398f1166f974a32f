import type { Clock } from '@ezthrottle/engine';
import { StoreUnavailableError } from '../store-unavailable-error.ts';
import type { Row } from '../rows/row.ts';
import type { Connection, Database, Queryable, SqlValue } from './database.ts';
import { failureKindOf, isOfAbortedTransaction } from './postgres-error.ts';
import { retried } from './retried.ts';

// As in the transactions that write: reads name their rows or want the first of an index, and a plan that
// was made while a table was small is used on when it is large.
const BEGIN = `BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; SET LOCAL enable_seqscan = off;
  SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL jit = off`;

export interface ReadOptions {
  readonly clock: Pick<Clock, 'monotonic' | 'after'>;
  /** How long a read is tried while the database is away, in milliseconds: somebody waits for it. */
  readonly retryForMs: number;
}

/** So many that none waits long behind the others. */
const MOST_TOGETHER = 16;

/** Reads in transactions that cost no round trip more. What is asked for at the same time shares one. */
export class ReadTransactions implements Queryable {
  readonly #database: Database;
  readonly #options: ReadOptions;
  readonly #waiting: Read[] = [];
  #isConnecting = false;

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

  #read(sql: string, values: readonly SqlValue[]): Promise<readonly Row[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ sql, values, resolve, reject });
      if (!this.#isConnecting) void this.#serve();
    });
  }

  /** Those that wait when a connection is free share a transaction: to begin one costs more than most reads. */
  async #serve(): Promise<void> {
    this.#isConnecting = true;
    let connection: Connection;
    try {
      connection = await this.#database.connect();
    } catch (error) {
      for (const { reject } of this.#waiting.splice(0)) reject(error);
      return;
    } finally {
      this.#isConnecting = false;
    }
    const group = this.#waiting.splice(0, MOST_TOGETHER);
    if (this.#waiting.length > 0) void this.#serve();
    const answers = await readOn(connection, group);
    const errors = answers.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
    // The COMMIT behind the statements has ended their transaction.
    connection.release(!errors.every(isOfValues));
    for (const [index, read] of group.entries()) {
      const answer = answers[index];
      if (answer?.status === 'fulfilled') read.resolve(answer.value);
      else if (!isOfAbortedTransaction(answer?.reason)) read.reject(answer?.reason);
      // Another one has failed before it, and will not be beside it again.
      else this.#read(read.sql, read.values).then(read.resolve, read.reject);
    }
  }
}

interface Read {
  readonly sql: string;
  readonly values: readonly SqlValue[];
  readonly resolve: (rows: readonly Row[]) => void;
  readonly reject: (error: unknown) => void;
}

function isOfValues(error: unknown): boolean {
  return isOfAbortedTransaction(error) || failureKindOf(error) === 'values';
}

/** What became of each. None counts when the transaction around them has failed. */
async function readOn(
  connection: Connection,
  group: readonly Read[],
): Promise<readonly PromiseSettledResult<readonly Row[]>[]> {
  const begun = connection.script(BEGIN);
  const answers = group.map(({ sql, values }) => connection.query(sql, values));
  const ended = connection.command('COMMIT');
  const [around] = await Promise.allSettled([Promise.all([begun, ended]), ...answers]);
  const settled = await Promise.allSettled(answers);
  if (around.status === 'fulfilled') return settled;
  return settled.map((each) => (each.status === 'rejected' ? each : around));
}
