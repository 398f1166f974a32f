import type { Clock, Operation, Store, Verdict } from '@ezthrottle/engine';

/** Writes of one turn share one transaction, so that they share one flush of the disk. */
export interface Committer {
  /**
   * Resolves when the operation is on disk. Operations are applied in the order of the calls.
   *
   * @throws StoreFailedError when the store failed, for this and every later write.
   * @throws CommitterClosedError after `close`.
   */
  write(operation: Operation): Promise<Verdict>;
  /** For how long the write under way has been under way, in milliseconds; 0: none is. */
  stalledMs(): number;
  /** Takes no more writes; resolves when those under way are settled. Closing twice is fine. */
  close(): Promise<void>;
}

export interface CommitterOptions {
  readonly store: Pick<Store, 'commit'>;
  /** Operations in one transaction. Default 512. */
  readonly maxBatch?: number;
  /**
   * Under load, how long after one commit the next one waits for company. Writes that come alone never
   * wait. Default: no write waits.
   */
  readonly gathering?: Gathering;
  /** Told after each transaction; times are monotonic milliseconds. Default: nobody wants to know. */
  readonly watch?: CommitWatch | undefined;
  /** Called once, when the store can no longer be relied upon: the process has to stop. */
  readonly onFatal: (error: Error) => void;
}

export interface CommitWatch {
  readonly clock: Pick<Clock, 'monotonic'>;
  committed(operations: number, milliseconds: number): void;
}

export interface Gathering {
  readonly clock: Pick<Clock, 'monotonic' | 'after'>;
  /** Milliseconds from the end of one commit to the start of the next, at most. */
  readonly forMs: number;
  /** A batch of so many writes waits for no more. Default 64. */
  readonly enough?: number;
}

export class CommitterClosedError extends Error {
  readonly code = 'committer_closed';
  override readonly name = 'CommitterClosedError';

  constructor() {
    super('the committer is closed and takes no more writes');
  }
}

interface Waiting {
  readonly operation: Operation;
  readonly resolve: (verdict: Verdict) => void;
  readonly reject: (error: Error) => void;
}

export function createCommitter(options: CommitterOptions): Committer {
  return new GroupCommitter(options);
}

class GroupCommitter implements Committer {
  readonly #store: Pick<Store, 'commit'>;
  readonly #maxBatch: number;
  readonly #onFatal: (error: Error) => void;
  readonly #gathering: Gathering | null;
  readonly #watch: CommitWatch | undefined;
  /** Writes of the latest batch, and when it was on disk. */
  #latest = { writes: 0, at: Number.NEGATIVE_INFINITY };
  /** Ends the wait for company. */
  #stopWaiting: (() => void) | null = null;
  #queue: Waiting[] = [];
  /** Runs from the first write of a turn until the queue is empty. */
  #draining: Promise<void> | null = null;
  /** On the monotonic clock. */
  #committingSince: number | null = null;
  #isClosed = false;
  #failure: Error | null = null;

  constructor({ store, maxBatch = 512, gathering, watch, onFatal }: CommitterOptions) {
    if (!Number.isSafeInteger(maxBatch) || maxBatch < 1) {
      throw new RangeError(`maxBatch: expected a whole number from 1, got ${maxBatch}`);
    }
    this.#store = store;
    this.#maxBatch = maxBatch;
    this.#onFatal = onFatal;
    this.#gathering = gathering ?? null;
    this.#watch = watch;
  }

  write(operation: Operation): Promise<Verdict> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    if (this.#isClosed) return Promise.reject(new CommitterClosedError());
    return new Promise<Verdict>((resolve, reject) => {
      this.#queue.push({ operation, resolve, reject });
      if (this.#queue.length >= (this.#gathering?.enough ?? ENOUGH)) this.#stopWaiting?.();
      this.#draining ??= this.#drain();
    });
  }

  stalledMs(): number {
    const since = this.#committingSince;
    return since === null ? 0 : (this.#gathering?.clock.monotonic() ?? since) - since;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopWaiting?.();
    await this.#draining;
  }

  /** One batch in flight; what arrives meanwhile makes up the next one. */
  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      await this.#company();
      await endOfTurn();
      await this.#commit(this.#queue.splice(0, this.#maxBatch));
    }
    this.#draining = null;
  }

  /**
   * Under load writes arrive all the time, and a transaction that carries many touches each page of the
   * file once and flushes it once: waiting a moment costs less than committing again and again.
   */
  async #company(): Promise<void> {
    if (this.#gathering === null) return;
    const { clock, forMs, enough = ENOUGH } = this.#gathering;
    if (this.#latest.writes < COMPANY || this.#queue.length >= enough || this.#isClosed) return;
    const waitMs = this.#latest.at + forMs - clock.monotonic();
    if (waitMs <= 0) return;
    await new Promise<void>((resolve) => {
      const cancel = clock.after(waitMs, resolve);
      this.#stopWaiting = () => {
        cancel();
        resolve();
      };
    });
    this.#stopWaiting = null;
  }

  async #commit(batch: readonly Waiting[]): Promise<void> {
    let verdicts: readonly Verdict[];
    const watch = this.#watch;
    const startedAt = watch?.clock.monotonic() ?? 0;
    this.#committingSince = this.#gathering?.clock.monotonic() ?? null;
    try {
      verdicts = await this.#store.commit(batch.map((waiting) => waiting.operation));
      if (verdicts.length !== batch.length) {
        throw new Error(
          `the store gave ${verdicts.length} verdicts for ${batch.length} operations`,
        );
      }
    } catch (error) {
      this.#fail(batch, error instanceof Error ? error : new Error(String(error)));
      return;
    } finally {
      this.#committingSince = null;
    }
    this.#latest = {
      writes: batch.length,
      at: this.#gathering?.clock.monotonic() ?? this.#latest.at,
    };
    watch?.committed(batch.length, watch.clock.monotonic() - startedAt);
    for (const [index, waiting] of batch.entries()) {
      const verdict = verdicts[index];
      if (verdict !== undefined) waiting.resolve(verdict);
    }
  }

  #fail(batch: readonly Waiting[], error: Error): void {
    this.#failure = error;
    const waiting = [...batch, ...this.#queue];
    this.#queue = [];
    for (const { reject } of waiting) reject(error);
    this.#onFatal(error);
  }
}

const ENOUGH = 64;

/** A batch of fewer writes says that there is no load: the next one is not held back. */
const COMPANY = 4;

/** Lets every request that has arrived by now add its writes to the batch. */
function endOfTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
