import { JOB_STATES } from '@ezthrottle/core/protocol';
import type { Id } from '@ezthrottle/engine';
import { integer, optionalInteger, optionalText, type Row } from '../rows/row.ts';
import { listOf } from './columns.ts';
import type { Connection, Queryable, SqlValue } from './database.ts';
import { putMark } from './commit-marks.ts';
import { InterferenceError } from './interference.ts';
import { Interned, type InternedCache } from './interned.ts';
import { JobCountChanges } from './job-counts.ts';
import { NodeFencedError } from './node-fenced-error.ts';
import { together } from './together.ts';
import type { WriteScope } from './write-scope.ts';

/** Numbers of rows that one draw from the sequence stands for. */
const JOBS_PER_BLOCK = 1024;

/** As whom a node writes: only while its fence row has this epoch. */
export interface Fence {
  readonly node: Id;
  readonly epoch: number;
}

/** Which open store writes, and the number of its transaction. */
export interface Mark {
  readonly instance: Id;
  readonly number: number;
}

export interface Begun {
  readonly scope: WriteScope;
  /** The transaction of this mark was committed before: this one must be rolled back. */
  readonly isDone: boolean;
  /** Before it is committed or rolled back: the scope runs no statement any more. */
  end(): void;
}

export interface BeginOptions {
  readonly connection: Connection;
  readonly cache: InternedCache;
  readonly mark: Mark;
  readonly fence: Fence | null;
  /** Jobs that the batch may take in, at most. */
  readonly jobs: number;
  /** How long it waits for a row that another transaction holds, in milliseconds. */
  readonly lockTimeoutMs: number;
}

// Batches name their rows, so an index is right however few rows the statistics believe in. Whoever
// holds the transaction open without a word, or a lock for long, has lost its client.
const SETTINGS = [
  ['synchronous_commit', 'on'],
  ['enable_seqscan', 'off'],
  ['enable_hashjoin', 'off'],
  ['enable_mergejoin', 'off'],
  ['jit', 'off'],
  // As long as a lease: it holds the node's fence row, for which whoever takes over waits.
  ['idle_in_transaction_session_timeout', '3s'],
] as const;

const SETTING_NAMES = listOf('text', [...SETTINGS.map(([name]) => name), 'lock_timeout']);

const settingValues = (lockTimeoutMs: number): SqlValue =>
  listOf('text', [...SETTINGS.map(([, value]) => value), `${lockTimeoutMs}ms`]);

// What a transaction begins with is prepared like the rest of it: as text, the database would spend as much
// on reading and planning it as on a small batch.
const SET = `SELECT count(set_config(name, value, true))
  FROM unnest($1::text[], $2::text[]) AS settings (name, value)`;

// The mark first: behind its lock, the transaction before is over. The fence in one value: only what the lock is
// taken for is as it is behind the lock.
const ENTER = `SELECT (SELECT number FROM {commit_marks} WHERE instance = $1 FOR UPDATE) AS number,
    (SELECT epoch || ' ' || names FROM {fences} WHERE node = $2 FOR SHARE) AS fence`;

const DRAW_BLOCKS = `SELECT nextval('{job_blocks}') AS block FROM generate_series(1, $1::int)`;

/**
 * Opens a transaction in one round trip. It holds the row of its mark from the start: a transaction of the
 * same lane that was cut off is over before this one goes on.
 *
 * @throws NodeFencedError when the node's epoch is over; the transaction is rolled back.
 */
export async function begin({
  connection,
  cache,
  mark,
  fence,
  jobs,
  lockTimeoutMs,
}: BeginOptions): Promise<Begun> {
  const blocks = Math.ceil(jobs / JOBS_PER_BLOCK);
  const [, , [entered = {}], drawn] = await together([
    connection.command('BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE'),
    connection.run(SET, [SETTING_NAMES, settingValues(lockTimeoutMs)]),
    connection.query(ENTER, [mark.instance, fence?.node ?? NOBODY]),
    blocks === 0 ? [] : connection.query(DRAW_BLOCKS, [blocks]),
  ]);
  const number = optionalInteger(entered, 'number');
  const isDone = number !== null && number >= mark.number;
  const statements = new OpenStatements(connection);
  const scope = scopeOf(statements, cache, drawn);
  const begun = { scope, isDone, end: () => statements.end() };
  if (isDone) return begun;
  if (fence !== null) {
    const [epoch, names] = (optionalText(entered, 'fence') ?? '').split(' ').map(Number);
    if (epoch !== fence.epoch || names === undefined) {
      await connection.command('ROLLBACK');
      throw new NodeFencedError();
    }
    cache.knowAccountsAsOf(names);
  }
  // It was idle for so long that its row was added to the others.
  if (number === null) await putMark(connection, mark.instance);
  return begun;
}

/** The statements of a transaction: none goes out behind its end, where it would stand by itself. */
class OpenStatements implements Queryable {
  readonly #connection: Connection;
  #isOpen = true;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async query(sql: string, values?: readonly SqlValue[]): Promise<readonly Row[]> {
    this.#requireOpen();
    return this.#connection.query(sql, values);
  }

  async run(sql: string, values?: readonly SqlValue[]): Promise<number> {
    this.#requireOpen();
    return this.#connection.run(sql, values);
  }

  end(): void {
    this.#isOpen = false;
  }

  #requireOpen(): void {
    if (!this.#isOpen) throw new Error('a statement came after the end of its transaction');
  }
}

/**
 * Leaves the mark and commits. A failure from here on says nothing about whether it is committed: the mark
 * does, in the next transaction.
 */
export async function commit(
  connection: Connection,
  mark: Mark,
  counts: JobCountChanges,
): Promise<void> {
  // Together: one round trip. After a failed statement, COMMIT is answered with what it did: ROLLBACK.
  const [, command] = await together([
    connection.run(LEAVE_MARK, [mark.instance, mark.number, ...counts.changes()]),
    connection.command('COMMIT'),
  ]);
  if (command !== 'COMMIT') throw new InterferenceError(`the database answered ${command}`);
}

const LEAVE_MARK = `UPDATE {commit_marks}
  SET number = $2, touched_at = extract(epoch FROM clock_timestamp()) * 1000,
    ${JOB_STATES.map((state, index) => `${state} = ${state} + $${index + 3}`).join(', ')}
  WHERE instance = $1`;

const NOBODY = '00000000-0000-0000-0000-000000000000';

function scopeOf(transaction: Queryable, cache: InternedCache, drawn: readonly Row[]): WriteScope {
  const blocks = drawn.map((row) => integer(row, 'block'));
  let given = 0;
  return {
    transaction,
    interned: new Interned(transaction, cache),
    counts: new JobCountChanges(),
    nextJobRow() {
      const block = blocks[Math.floor(given / JOBS_PER_BLOCK)];
      if (block === undefined) throw new RangeError('more jobs than the batch was counted to have');
      const row = block * JOBS_PER_BLOCK + (given % JOBS_PER_BLOCK);
      given += 1;
      return row;
    },
  };
}
