import type {
  AuditReads,
  Clock,
  DeadLetterReads,
  DeliveryReads,
  JobReads,
  LimitReads,
  PrivacyReads,
  Operation,
  RedriveReads,
  Store,
  TenancyReads,
  Verdict,
  WorkReads,
} from '@ezthrottle/engine';
import { StoreFailedError } from '../store-failed-error.ts';
import { SqliteAuditReads } from './audit-reads.ts';
import { BatchCommit } from './batch-commit.ts';
import { Checkpointer } from './checkpointer.ts';
import { type Connection, openConnection } from './connection.ts';
import { SqliteDeadLetterReads } from './dead-letter-reads.ts';
import { SqliteRedriveReads } from './redrive-reads.ts';
import { SqliteDeliveryReads } from './delivery-reads.ts';
import { Erasing } from './erasing.ts';
import { Interned } from './interned.ts';
import { JobCountChanges } from './job-counts.ts';
import { SqliteJobReads } from './job-reads.ts';
import { SqliteLimitReads } from './limit-reads.ts';
import { migrate } from './migrate.ts';
import { MIGRATIONS } from './migrations.ts';
import { SqlitePrivacyReads } from './privacy-reads.ts';
import { StoreSize } from './store-size.ts';
import { SqliteTenancyReads } from './tenancy-reads.ts';
import { SqliteWorkReads } from './work-reads.ts';

/** What the store tells about itself: the part of pino's logger that it uses. */
export interface StoreLogger {
  info(details: object, message: string): void;
}

export interface SqliteStoreOptions {
  /** Path of the database file; it and its folder are created when absent. */
  readonly file: string;
  /** Only for the record of when a migration ran. Default: the system's clock. */
  readonly clock?: Pick<Clock, 'now'>;
  /** Default: silent. */
  readonly logger?: StoreLogger;
}

/**
 * Opens the embedded store and brings its schema up to date.
 *
 * @throws SchemaTooNewError when a newer server has written the file.
 * @throws SqliteError when the file cannot be opened.
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Store> {
  const connection = openConnection({ file: options.file });
  try {
    const applied = migrate(connection, MIGRATIONS, options.clock ?? { now: Date.now });
    if (applied.length > 0)
      options.logger?.info({ event: 'store_migrated', versions: applied }, 'schema migrated');
    return new SqliteStore(connection, new Checkpointer(options.file));
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** The store on an open connection whose schema is current. It closes the connection. */
export class SqliteStore implements Store {
  readonly jobs: JobReads;
  readonly work: WorkReads;
  readonly deliveries: DeliveryReads;
  readonly tenancy: TenancyReads;
  readonly limits: LimitReads;
  readonly privacy: PrivacyReads;
  readonly audit: AuditReads;
  readonly deadLetters: DeadLetterReads;
  readonly redrives: RedriveReads;
  readonly #connection: Connection;
  readonly #checkpointer: Checkpointer | null;
  readonly #batches: BatchCommit;
  readonly #erasing = new Erasing();
  readonly #size: StoreSize;
  #failure: StoreFailedError | null = null;

  /** @param checkpointer Null: the connection checkpoints by itself. */
  constructor(connection: Connection, checkpointer: Checkpointer | null = null) {
    const interned = new Interned(connection);
    this.#connection = connection;
    this.#size = new StoreSize(connection);
    this.#checkpointer = checkpointer;
    this.#batches = new BatchCommit({
      connection,
      interned,
      counts: new JobCountChanges(connection),
      erasing: this.#erasing,
    });
    this.jobs = new SqliteJobReads(connection, interned);
    this.work = new SqliteWorkReads(connection, interned);
    this.deliveries = new SqliteDeliveryReads(connection);
    this.tenancy = new SqliteTenancyReads(connection);
    this.limits = new SqliteLimitReads(connection, interned);
    this.privacy = new SqlitePrivacyReads(connection, interned);
    this.audit = new SqliteAuditReads(connection, interned);
    this.deadLetters = new SqliteDeadLetterReads(connection, interned);
    this.redrives = new SqliteRedriveReads(connection);
  }

  async commit(batch: readonly Operation[]): Promise<readonly Verdict[]> {
    // After a failure nobody knows what the file holds: only a new start, which reads it, does.
    if (this.#failure !== null) throw this.#failure;
    if (batch.length === 0) return [];
    try {
      const verdicts = this.#batches.commit(batch);
      this.#checkpointer?.committed(batch.length);
      if (this.#erasing.take()) this.#checkpointer?.erased();
      return verdicts;
    } catch (error) {
      this.#failure =
        error instanceof StoreFailedError
          ? error
          : new StoreFailedError('the batch could not be written', { cause: error });
      throw this.#failure;
    }
  }

  async bytes(): Promise<number> {
    return this.#size.bytes();
  }

  async close(): Promise<void> {
    this.#failure ??= new StoreFailedError('the store is closed');
    await this.#checkpointer?.close();
    this.#connection.close();
  }
}
