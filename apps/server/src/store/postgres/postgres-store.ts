import type {
  AuditReads,
  Clock,
  DeadLetterReads,
  DeliveryReads,
  JobReads,
  LimitReads,
  Operation,
  PrivacyReads,
  RedriveReads,
  Store,
  TenancyReads,
  Verdict,
  WorkReads,
} from '@ezthrottle/engine';
import { systemClock } from '../../clock.ts';
import { StoreFailedError } from '../store-failed-error.ts';
import { BatchCommit } from './batch-commit.ts';
import { CommitLanes } from './commit-lanes.ts';
import { Database, type DatabaseOptions } from './database.ts';
import { Interned, InternedCache } from './interned.ts';
import { migrate } from './migrate.ts';
import { MIGRATIONS } from './migrations.ts';
import { requireMigrated } from './schema-state.ts';
import { NodeFencedError } from './node-fenced-error.ts';
import { PostgresDeliveryReads } from './delivery-reads.ts';
import { PostgresJobReads } from './job-reads.ts';
import { PostgresWorkReads } from './work-reads.ts';
import type { Fence } from './transaction.ts';
import { PostgresAuditReads } from './audit-reads.ts';
import { PostgresDeadLetterReads } from './dead-letter-reads.ts';
import { PostgresLimitReads } from './limit-reads.ts';
import { PostgresPrivacyReads } from './privacy-reads.ts';
import { ReadTransactions } from './read-transactions.ts';
import { PostgresRedriveReads } from './redrive-reads.ts';
import { StoreSize } from './store-size.ts';
import { PostgresTenancyReads } from './tenancy-reads.ts';

/** What the store tells about itself: the part of pino's logger that it uses. */
export interface PostgresStoreLogger {
  debug(details: object, message: string): void;
  info(details: object, message: string): void;
}

export interface PostgresStoreOptions extends Omit<DatabaseOptions, 'onIdleError'> {
  /** Writes count only while this node's fence row has this epoch. Default: they always do. */
  readonly fence?: Fence;
  /** How long a batch is tried while the database is away, in milliseconds. Default 30 000. */
  readonly retryForMs?: number;
  /** Brings the schema up to date; else it has to be. Default true. */
  readonly migrate?: boolean;
  /** Default: the system's clock. */
  readonly clock?: Pick<Clock, 'now' | 'monotonic' | 'after'>;
  /** Default: silent. */
  readonly logger?: PostgresStoreLogger;
}

/**
 * Opens the store in a PostgreSQL database, any number of times from any number of machines, and brings
 * its schema up to date.
 *
 * @throws MigrationsMissingError when it is not up to date and is to be left alone.
 * @throws SchemaTooNewError when a newer server has written it and does not let older ones go on.
 * @throws SchemaNameError when the schema's name is none.
 * @throws Error of the driver when the database cannot be reached.
 */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<Store> {
  const { logger, clock = systemClock } = options;
  const databases = openDatabases(options);
  const { reading: database } = databases;
  try {
    if (options.migrate === false) await requireMigrated(database, MIGRATIONS);
    else {
      const applied = await migrate(database, MIGRATIONS, clock);
      if (applied.length > 0) {
        logger?.info({ event: 'store_migrated', versions: applied }, 'schema migrated');
      }
    }
    const store = new PostgresStore(databases, { ...options, clock });
    await store.open();
    return store;
  } catch (error) {
    await closeDatabases(databases);
    throw error;
  }
}

/** How long a read is tried: whoever asked for it comes back sooner than the database may, in milliseconds. */
const READ_RETRY_MS = 2_000;

/** Where there are several connections, some are kept for commits: they do not stand in line behind reads. */
interface Databases {
  readonly reading: Database;
  readonly writing: Database;
  /** Batches that are written at the same time. */
  readonly lanes: number;
}

const CONNECTIONS = 4;
/** While the database writes a batch, the next one is made ready and sent. */
const LANES = 2;
/** With fewer connections there is one lane: reads need the others. */
const CONNECTIONS_FOR_LANES = 4;

function openDatabases(options: PostgresStoreOptions): Databases {
  const { logger, connections = CONNECTIONS } = options;
  const onIdleError = (error: Error): void =>
    logger?.debug({ event: 'store_connection_lost', error: error.message }, 'connection lost');
  const open = (count: number): Database =>
    new Database({ ...options, connections: count, onIdleError });
  const lanes = connections < CONNECTIONS_FOR_LANES ? 1 : LANES;
  const reading = open(Math.max(1, connections - lanes));
  return { reading, writing: connections > 1 ? open(lanes) : reading, lanes };
}

async function closeDatabases({
  reading,
  writing,
}: Pick<Databases, 'reading' | 'writing'>): Promise<void> {
  await reading.close();
  if (writing !== reading) await writing.close();
}

/** The store in a database whose schema is current. It closes the connections. */
class PostgresStore implements Store {
  readonly jobs: JobReads;
  readonly work: WorkReads;
  readonly deliveries: DeliveryReads;
  readonly tenancy: TenancyReads;
  readonly limits: LimitReads;
  readonly privacy: PrivacyReads;
  readonly audit: AuditReads;
  readonly deadLetters: DeadLetterReads;
  readonly redrives: RedriveReads;
  readonly commitsAtOnce: number;
  readonly #databases: Databases;
  readonly #batches: readonly BatchCommit[];
  readonly #lanes: CommitLanes;
  readonly #size: StoreSize;
  #failure: StoreFailedError | null = null;
  #closing: Promise<void> | null = null;

  constructor(
    databases: Databases,
    options: PostgresStoreOptions & { readonly clock: Pick<Clock, 'monotonic' | 'after'> },
  ) {
    const cache = new InternedCache();
    const retryForMs = options.retryForMs ?? 30_000;
    const reads = new ReadTransactions(databases.reading, {
      clock: options.clock,
      retryForMs: Math.min(retryForMs, READ_RETRY_MS),
    });
    const interned = new Interned(reads, cache);
    this.#databases = databases;
    this.#size = new StoreSize(databases.reading, options.clock);
    this.commitsAtOnce = databases.lanes;
    this.#batches = Array.from(
      { length: databases.lanes },
      () =>
        new BatchCommit({
          database: databases.writing,
          cache: new InternedCache(cache),
          fence: options.fence ?? null,
          clock: options.clock,
          retryForMs,
        }),
    );
    this.#lanes = new CommitLanes(
      this.#batches.map((batches) => ({ commit: (batch) => this.#write(batches, batch) })),
    );
    this.jobs = new PostgresJobReads(reads, interned);
    this.work = new PostgresWorkReads(reads, interned);
    this.deliveries = new PostgresDeliveryReads(reads);
    this.tenancy = new PostgresTenancyReads(reads);
    this.limits = new PostgresLimitReads(reads, interned);
    this.privacy = new PostgresPrivacyReads(reads, interned);
    this.audit = new PostgresAuditReads(reads, interned);
    this.deadLetters = new PostgresDeadLetterReads(reads, interned);
    this.redrives = new PostgresRedriveReads(reads);
  }

  /** Once, before anything else. */
  async open(): Promise<void> {
    for (const batches of this.#batches) await batches.open();
  }

  commit(batch: readonly Operation[]): Promise<readonly Verdict[]> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    if (batch.length === 0) return Promise.resolve([]);
    return this.#lanes.commit(batch);
  }

  async #write(batches: BatchCommit, batch: readonly Operation[]): Promise<readonly Verdict[]> {
    // After a failure nobody knows what is stored: only a new start, which reads it, does.
    if (this.#failure !== null && this.#closing === null) throw this.#failure;
    try {
      return await batches.commit(batch);
    } catch (error) {
      if (error instanceof NodeFencedError) throw error;
      this.#failure ??=
        error instanceof StoreFailedError
          ? error
          : new StoreFailedError('the batch could not be written', { cause: error });
      throw this.#failure;
    }
  }

  bytes(): Promise<number> {
    return this.#size.bytes();
  }

  close(): Promise<void> {
    this.#failure ??= new StoreFailedError('the store is closed');
    this.#closing ??= this.#lanes.idle().then(() => closeDatabases(this.#databases));
    return this.#closing;
  }
}
