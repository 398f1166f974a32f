import type { Clock } from '@ezthrottle/engine';
import type { Admission } from '../admission/admission.ts';
import { unavailable } from '../store/postgres/postgres-error.ts';
import { StoreUnavailableError } from '../store/store-unavailable-error.ts';
import type { Service } from '../upkeep/service.ts';
import type { InboxOutcome, InboxRow, InboxRows } from './inbox-rows.ts';

export interface InboxDrainOptions {
  readonly rows: InboxRows;
  readonly admission: Pick<Admission, 'hasRoom'>;
  /** Takes the jobs of rows in; says what became of each, in its place. */
  readonly admit: (rows: readonly InboxRow[]) => Promise<readonly InboxOutcome[]>;
  /** Told whose API key a job was submitted with. Default: nobody is. */
  readonly onTaken?: (apiKey: string) => void;
  readonly clock: Clock;
  readonly logger: {
    warn(details: object, message: string): void;
    error(details: object, message: string): void;
    info(details: object, message: string): void;
  };
  /** The longest time between two looks, in milliseconds. Default 250. */
  readonly everyMs?: number;
  /** Jobs in one write, at most. Default 250. */
  readonly batch?: number;
  /** How long what was refused is kept, in milliseconds. */
  readonly retentionMs: number;
  /** Whether this node, of several, does what one of them does. Default: it does. */
  readonly isOurs?: (() => boolean) | undefined;
}

export interface InboxDrain extends Service {
  /** One look. Gives how many rows were there. */
  runOnce(): Promise<number>;
}

/** After rows were found, the next look comes soon: more are likely. Milliseconds. */
const SOON_MS = 20;
/** Characters of JSON in one write, by what the rows before were like. */
const BATCH_CHARACTERS = 8 * 1_048_576;
const LONGEST_PAUSE_MS = 5_000;
const PRUNE_EVERY_MS = 60_000;
const PRUNED_ROWS = 1_000;

/**
 * Takes over what applications submit within their transactions: looks every now and then, more often while
 * there is something, and not at all while there is no room.
 */
export function createInboxDrain(options: InboxDrainOptions): InboxDrain {
  return new Drain(options);
}

class Drain implements InboxDrain {
  readonly name = 'inbox';
  readonly #options: InboxDrainOptions;
  readonly #everyMs: number;
  readonly #batch: number;
  #isStarted = false;
  #cancelTimer: (() => void) | null = null;
  #round: Promise<void> | null = null;
  #waitMs: number;
  #failures = 0;
  /** That the inbox cannot be read, and why. */
  #isTold = false;
  #charactersPerJob = 0;
  #pruneAt: number;

  constructor(options: InboxDrainOptions) {
    this.#options = options;
    this.#everyMs = options.everyMs ?? 250;
    this.#batch = options.batch ?? 250;
    this.#waitMs = Math.min(SOON_MS, this.#everyMs);
    this.#pruneAt = options.clock.monotonic() + PRUNE_EVERY_MS;
  }

  async start(): Promise<void> {
    if (this.#isStarted) return;
    this.#isStarted = true;
    await this.#round;
    this.#plan(this.#waitMs);
  }

  async stop(): Promise<void> {
    this.#isStarted = false;
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    await this.#round;
  }

  async runOnce(): Promise<number> {
    const { rows, admit } = this.#options;
    const limit = await this.#limit();
    if (limit === 0) return 0;
    return await rows.take(limit, async (taken) => {
      const characters = taken.reduce((sum, { job }) => sum + job.length, 0);
      this.#charactersPerJob = characters / Math.max(1, taken.length);
      const outcomes = await admit(taken);
      for (const [index, row] of taken.entries()) this.#tell(row, outcomes[index]);
      return outcomes;
    });
  }

  /** As many as there is room for, and as fit into memory. */
  async #limit(): Promise<number> {
    const { admission } = this.#options;
    const fitting = Math.floor(BATCH_CHARACTERS / Math.max(1, this.#charactersPerJob));
    let limit = Math.max(1, Math.min(this.#batch, fitting));
    while (limit > 0 && !(await admission.hasRoom(limit))) {
      limit = limit === 1 ? 0 : Math.ceil(limit / 4);
    }
    return limit;
  }

  #tell(row: InboxRow, outcome: InboxOutcome | undefined): void {
    const { logger, onTaken } = this.#options;
    if (outcome?.type === 'taken' || outcome?.type === 'duplicate') onTaken?.(row.apiKey);
    if (outcome?.type !== 'refused') return;
    const { code, problems } = outcome;
    logger.warn(
      { event: 'inbox_job_refused', jobId: row.id, code, problems },
      'a job submitted within a transaction was refused',
    );
  }

  #plan(waitMs: number): void {
    if (!this.#isStarted || this.#cancelTimer !== null) return;
    this.#cancelTimer = this.#options.clock.after(waitMs, () => {
      this.#cancelTimer = null;
      this.#round = this.#look();
    });
  }

  async #look(): Promise<void> {
    let next: number;
    try {
      const limit = this.#batch;
      const found = await this.runOnce();
      await this.#prune();
      this.#succeeded();
      // A full batch, or one that was cut to its size: there is more.
      const isMore =
        found >= limit || (found > 0 && this.#charactersPerJob * limit > BATCH_CHARACTERS);
      this.#waitMs =
        found > 0 ? Math.min(SOON_MS, this.#everyMs) : Math.min(2 * this.#waitMs, this.#everyMs);
      next = isMore ? 0 : this.#waitMs;
    } catch (error) {
      next = this.#failed(error);
    }
    this.#round = null;
    this.#plan(next);
  }

  async #prune(): Promise<void> {
    const { clock, rows, retentionMs, isOurs } = this.#options;
    if (clock.monotonic() < this.#pruneAt) return;
    this.#pruneAt = clock.monotonic() + PRUNE_EVERY_MS;
    if (isOurs?.() === false) return;
    const before = clock.now() - retentionMs;
    while ((await rows.prune(before, PRUNED_ROWS)) === PRUNED_ROWS && this.#isStarted);
  }

  #succeeded(): void {
    if (this.#failures === 0) return;
    this.#failures = 0;
    if (this.#isTold) {
      this.#options.logger.info({ event: 'inbox_readable' }, 'the inbox can be read again');
    }
    this.#isTold = false;
  }

  /** Told once: nothing may change for long. Gives how long to wait. */
  #failed(thrown: unknown): number {
    this.#failures += 1;
    const error = unavailable(thrown);
    if (!this.#isTold) {
      this.#options.logger.error(
        { event: 'inbox_unreadable', err: error },
        'the inbox cannot be read',
      );
    }
    // That the database is back is told for all parts at once.
    this.#isTold ||= !(error instanceof StoreUnavailableError);
    return Math.min(LONGEST_PAUSE_MS, this.#everyMs * 2 ** Math.min(this.#failures, 10));
  }
}
