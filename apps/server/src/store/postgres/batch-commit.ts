import { randomUUID } from 'node:crypto';
import type { Clock, Id, Operation, Verdict } from '@ezthrottle/engine';
import { Rejection } from '../rows/rejection.ts';
import { StoreFailedError } from '../store-failed-error.ts';
import { foldMarks, moveMark, putMark } from './commit-marks.ts';
import type { Connection, Database } from './database.ts';
import { InterferenceError, OrderError } from './interference.ts';
import type { InternedCache } from './interned.ts';
import { NodeFencedError } from './node-fenced-error.ts';
import { applyOperations } from './operation-writes.ts';
import { failureKindOf, isOfLocks } from './postgres-error.ts';
import { retried } from './retried.ts';
import { begin, commit, type Fence } from './transaction.ts';
import type { WriteScope } from './write-scope.ts';

export interface BatchCommitOptions {
  readonly database: Database;
  readonly cache: InternedCache;
  readonly fence: Fence | null;
  readonly clock: Pick<Clock, 'monotonic' | 'after'>;
  /** How long a batch is tried while the database is away, in milliseconds. */
  readonly retryForMs: number;
}

/** Versions of one row that may have to be looked at with every batch. */
const COMMITS_PER_MARK = 500;

/** How a batch is written; it becomes more careful with what has gone wrong. */
interface Manner {
  /** Operations are written one kind after the other, in their order. */
  isInOrder: boolean;
  /** What the database refuses is looked for, and left out. */
  isIsolating: boolean;
  /** Tries that have failed. */
  failures: number;
}

/**
 * Writes each batch in one transaction, and finds out what became of it when nobody has said so: the
 * verdicts are known before COMMIT is sent, and the mark in the database tells whether it was carried out.
 */
export class BatchCommit {
  readonly #options: BatchCommitOptions;
  #instance: Id = randomUUID();
  #number = 0;

  constructor(options: BatchCommitOptions) {
    this.#options = options;
  }

  /** Once, before the first commit. */
  async open(): Promise<void> {
    await putMark(this.#options.database, this.#instance);
    await foldMarks(this.#options.database);
  }

  /**
   * @throws NodeFencedError when another node has this one's slots; nothing was written.
   * @throws StoreFailedError when the batch is not known to be on disk.
   */
  async commit(batch: readonly Operation[]): Promise<readonly Verdict[]> {
    const { clock, retryForMs } = this.#options;
    this.#number += 1;
    const attempt = new BatchAttempt(this.#options, this.#instance, this.#number, batch);
    const mayGoBetter = (error: unknown): boolean => attempt.mayGoBetter(error);
    try {
      const run = (): Promise<readonly Verdict[]> => attempt.run();
      const verdicts = await retried({ clock, forMs: retryForMs, mayGoBetter }, run);
      if (this.#number % COMMITS_PER_MARK === 0) await this.#moveMark();
      return verdicts;
    } catch (error) {
      if (error instanceof NodeFencedError) throw error;
      throw new StoreFailedError('the batch could not be written', { cause: error });
    }
  }

  /** Between two batches nobody is unsure of anything: whether it goes well or not, the next one can be. */
  async #moveMark(): Promise<void> {
    const next = randomUUID();
    try {
      await moveMark(this.#options.database, this.#instance, next);
      this.#instance = next;
    } catch {
      // The old name is as good: a row that is not there is put again.
    }
  }
}

/** One batch, tried until it is written. */
class BatchAttempt {
  readonly #options: BatchCommitOptions;
  readonly #mark: { readonly instance: Id; readonly number: number };
  readonly #batch: readonly Operation[];
  readonly #jobs: number;
  readonly #manner: Manner = { isInOrder: false, isIsolating: false, failures: 0 };
  /** Of the last try that came as far as to be committed. */
  #verdicts: readonly Verdict[] | null = null;

  constructor(
    options: BatchCommitOptions,
    instance: Id,
    number: number,
    batch: readonly Operation[],
  ) {
    this.#options = options;
    this.#mark = { instance, number };
    this.#batch = batch;
    this.#jobs = batch.reduce((sum, operation) => sum + jobsIn(operation), 0);
  }

  async run(): Promise<readonly Verdict[]> {
    const { database, cache } = this.#options;
    const connection = await database.connect();
    let isBroken = true;
    try {
      const verdicts = await this.#transact(connection);
      isBroken = false;
      return verdicts;
    } catch (error) {
      cache.forget();
      // Where a statement was refused, the connection is as good as before.
      isBroken = !(error instanceof NodeFencedError) && !(await isRolledBack(connection, error));
      throw error;
    } finally {
      connection.release(isBroken);
    }
  }

  async #transact(connection: Connection): Promise<readonly Verdict[]> {
    const { cache, fence } = this.#options;
    const jobs = this.#jobs * (this.#manner.isIsolating ? halvings(this.#batch.length) : 1);
    const lockTimeoutMs = lockTimeoutOf(this.#manner.failures);
    const begun = await begin({ connection, cache, fence, mark: this.#mark, jobs, lockTimeoutMs });
    if (begun.isDone && this.#verdicts !== null) {
      await connection.command('ROLLBACK');
      return this.#verdicts;
    }
    try {
      this.#verdicts = await this.#write(connection, begun.scope);
    } finally {
      begun.end();
    }
    await commit(connection, this.#mark, begun.scope.counts);
    return this.#verdicts;
  }

  /** Whether to try again, after this. */
  mayGoBetter(error: unknown): boolean {
    if (error instanceof NodeFencedError) return false;
    this.#manner.failures += 1;
    if (error instanceof InterferenceError) return true;
    if (error instanceof OrderError) {
      if (this.#manner.isInOrder) return false;
      this.#manner.isInOrder = true;
      return true;
    }
    const kind = kindOf(error);
    if (kind === 'unprepared') this.#options.database.stopPreparing();
    if (kind !== 'values') return kind !== 'lasting';
    if (this.#manner.isIsolating) return false;
    this.#manner.isIsolating = true;
    return true;
  }

  #write(connection: Connection, scope: WriteScope): Promise<readonly Verdict[]> {
    const { isInOrder, isIsolating } = this.#manner;
    return isIsolating
      ? this.#isolate(connection, scope, this.#batch)
      : applyOperations(scope, this.#batch, isInOrder);
  }

  /** Halves what is refused until the operation is found that cannot be written. */
  async #isolate(
    connection: Connection,
    scope: WriteScope,
    operations: readonly Operation[],
  ): Promise<readonly Verdict[]> {
    const counts = scope.counts.snapshot();
    await connection.command('SAVEPOINT operations');
    try {
      const verdicts = await applyOperations(scope, operations, this.#manner.isInOrder);
      await connection.command('RELEASE SAVEPOINT operations');
      return verdicts;
    } catch (error) {
      if (kindOf(error) !== 'values') throw error;
      await connection.command('ROLLBACK TO SAVEPOINT operations');
      await connection.command('RELEASE SAVEPOINT operations');
      scope.counts.restore(counts);
      scope.interned.forget();
      if (operations.length === 1) return [{ verdict: 'rejected', reason: reasonOf(error) }];
    }
    const middle = Math.ceil(operations.length / 2);
    const first = await this.#isolate(connection, scope, operations.slice(0, middle));
    return [...first, ...(await this.#isolate(connection, scope, operations.slice(middle)))];
  }
}

/**
 * How long a try waits for rows of others, in milliseconds. The first ones give up before PostgreSQL looks whether
 * two wait for each other (`deadlock_timeout`, 1 s), each after another time: the one lets the other go on.
 */
function lockTimeoutOf(failures: number): number {
  return failures < IMPATIENT_TRIES ? 150 + Math.floor(Math.random() * 500) : 10_000;
}

const IMPATIENT_TRIES = 4;

/** How often each operation may come to be tried, while one that is refused is looked for. */
function halvings(operations: number): number {
  return 2 + Math.ceil(Math.log2(operations));
}

function kindOf(error: unknown): ReturnType<typeof failureKindOf> {
  return error instanceof Rejection ? 'values' : failureKindOf(error);
}

/** The database's own words; its details, which may hold the values, are left out. */
function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function isRolledBack(connection: Connection, error: unknown): Promise<boolean> {
  const isUnharmed =
    error instanceof OrderError || error instanceof InterferenceError || isOfLocks(error);
  if (!isUnharmed && kindOf(error) !== 'values') return false;
  try {
    await connection.command('ROLLBACK');
    return true;
  } catch {
    return false;
  }
}

/** Jobs that an operation may take in, at most. */
function jobsIn(operation: Operation): number {
  switch (operation.type) {
    case 'submit':
      return 1;
    case 'advance':
      return operation.children.length;
    case 'replace':
      return 1 + operation.ending.children.length;
    case 'audited':
      return jobsIn(operation.operation);
    default:
      return 0;
  }
}
