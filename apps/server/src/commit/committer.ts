import type { Clock, Operation, Store, Verdict } from '@ezthrottle/engine';

/** Writes of one turn share one transaction, so that they share one flush of the disk. */
export interface Committer {
  /**
   * Resolves when the operation is on disk. Operations that have to do with each other are applied in the
   * order of the calls.
   *
   * @throws StoreFailedError when the store failed, for this and every later write.
   * @throws CommitterClosedError after `close`.
   */
  write(operation: Operation): Promise<Verdict>;
  /** For how long the oldest write under way has been under way, in milliseconds; 0: none is. */
  stalledMs(): number;
  /** Takes no more writes; resolves when those under way are settled. Closing twice is fine. */
  close(): Promise<void>;
}

export interface CommitterOptions {
  readonly store: Pick<Store, 'commit' | 'commitsAtOnce'>;
  /** Operations in one transaction. Default 512. */
  readonly maxBatch?: number;
  /**
   * While a transaction is under way, another one begins beside it when it would carry so many writes, and as
   * many as that one; as far as the store takes several at once. Default 16.
   */
  readonly enoughBeside?: number;
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
  readonly #atOnce: number;
  readonly #maxBatch: number;
  readonly #enoughBeside: number;
  readonly #onFatal: (error: Error) => void;
  readonly #gathering: Gathering | null;
  readonly #watch: CommitWatch | undefined;
  /** Writes of the latest batch, and when it was on disk. */
  #latest = { writes: 0, at: Number.NEGATIVE_INFINITY };
  /** Ends the wait for company. */
  #stopWaiting: (() => void) | null = null;
  /** Looks again whether a batch may begin beside those under way. */
  #lookAgain: (() => void) | null = null;
  #queue: Waiting[] = [];
  /** Runs from the first write of a turn until the queue is empty. */
  #draining: Promise<void> | null = null;
  /** The oldest first. */
  readonly #underWay = new Set<UnderWay>();
  #isClosed = false;
  #failure: Error | null = null;

  constructor({
    store,
    maxBatch = 512,
    enoughBeside = ENOUGH_BESIDE,
    gathering,
    watch,
    onFatal,
  }: CommitterOptions) {
    if (!Number.isSafeInteger(maxBatch) || maxBatch < 1) {
      throw new RangeError(`maxBatch: expected a whole number from 1, got ${maxBatch}`);
    }
    this.#store = store;
    this.#atOnce = store.commitsAtOnce ?? 1;
    this.#maxBatch = maxBatch;
    this.#enoughBeside = enoughBeside;
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
      if (this.#queue.length >= this.#enoughBeside) this.#lookAgain?.();
      this.#draining ??= this.#drain();
    });
  }

  stalledMs(): number {
    const clock = this.#gathering?.clock;
    for (const { since } of this.#underWay) {
      return since === null || clock === undefined ? 0 : clock.monotonic() - since;
    }
    return 0;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopWaiting?.();
    await this.#draining;
    await Promise.all([...this.#underWay].map(({ settled }) => settled));
  }

  /** What arrives while batches are under way makes up the next one. */
  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      await this.#turn();
      await endOfTurn();
      // Nobody else takes from the queue, but a failure empties it.
      if (this.#queue.length > 0) this.#begin(this.#queue.splice(0, this.#maxBatch));
    }
    this.#draining = null;
  }

  /** Resolves when the next batch may begin. */
  async #turn(): Promise<void> {
    while (this.#underWay.size > 0 && this.#queue.length > 0) {
      if (this.#mayBeginBeside()) return;
      await new Promise<void>((resolve) => {
        this.#lookAgain = resolve;
      });
      this.#lookAgain = null;
    }
    await this.#company();
  }

  /**
   * While the disk is waited for, the next batch can be made ready and sent. One that is smaller than those
   * under way goes on gathering: more transactions for the same writes would cost more than the wait.
   */
  #mayBeginBeside(): boolean {
    if (this.#underWay.size >= this.#atOnce) return false;
    let enough = this.#enoughBeside;
    for (const { writes } of this.#underWay) enough = Math.max(enough, writes);
    return this.#queue.length >= enough;
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

  #begin(batch: readonly Waiting[]): void {
    const since = this.#gathering?.clock.monotonic() ?? null;
    const underWay: UnderWay = {
      since,
      writes: batch.length,
      settled: this.#commit(batch).finally(() => {
        this.#underWay.delete(underWay);
        this.#lookAgain?.();
      }),
    };
    this.#underWay.add(underWay);
  }

  async #commit(batch: readonly Waiting[]): Promise<void> {
    let verdicts: readonly Verdict[];
    const watch = this.#watch;
    const startedAt = watch?.clock.monotonic() ?? 0;
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

  /** Batches beside it settle by themselves: they may be on disk. */
  #fail(batch: readonly Waiting[], error: Error): void {
    const waiting = [...batch, ...this.#queue];
    this.#queue = [];
    for (const { reject } of waiting) reject(error);
    if (this.#failure !== null) return;
    this.#failure = error;
    this.#onFatal(error);
  }
}

/** A batch that the store has. */
interface UnderWay {
  /** On the monotonic clock; null: there is none. */
  readonly since: number | null;
  readonly writes: number;
  readonly settled: Promise<void>;
}

const ENOUGH_BESIDE = 16;

const ENOUGH = 64;

/** A batch of fewer writes says that there is no load: the next one is not held back. */
const COMPANY = 4;

/** Lets every request that has arrived by now add its writes to the batch. */
function endOfTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
