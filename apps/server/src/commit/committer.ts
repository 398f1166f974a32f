import type { Operation, Store, Verdict } from '@ezthrottle/engine';

/** Writes of one turn share one transaction, so that they share one flush of the disk. */
export interface Committer {
  /**
   * Resolves when the operation is on disk. Operations are applied in the order of the calls.
   *
   * @throws StoreFailedError when the store failed, for this and every later write.
   * @throws CommitterClosedError after `close`.
   */
  write(operation: Operation): Promise<Verdict>;
  /** Takes no more writes; resolves when those under way are settled. Closing twice is fine. */
  close(): Promise<void>;
}

export interface CommitterOptions {
  readonly store: Pick<Store, 'commit'>;
  /** Operations in one transaction. Default 512. */
  readonly maxBatch?: number;
  /** Called once, when the store can no longer be relied upon: the process has to stop. */
  readonly onFatal: (error: Error) => void;
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
  #queue: Waiting[] = [];
  /** Runs from the first write of a turn until the queue is empty. */
  #draining: Promise<void> | null = null;
  #isClosed = false;
  #failure: Error | null = null;

  constructor({ store, maxBatch = 512, onFatal }: CommitterOptions) {
    if (!Number.isSafeInteger(maxBatch) || maxBatch < 1) {
      throw new RangeError(`maxBatch: expected a whole number from 1, got ${maxBatch}`);
    }
    this.#store = store;
    this.#maxBatch = maxBatch;
    this.#onFatal = onFatal;
  }

  async write(operation: Operation): Promise<Verdict> {
    if (this.#failure !== null) throw this.#failure;
    if (this.#isClosed) throw new CommitterClosedError();
    return new Promise<Verdict>((resolve, reject) => {
      this.#queue.push({ operation, resolve, reject });
      this.#draining ??= this.#drain();
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#draining;
  }

  /** One batch in flight; what arrives meanwhile makes up the next one. */
  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      await endOfTurn();
      await this.#commit(this.#queue.splice(0, this.#maxBatch));
    }
    this.#draining = null;
  }

  async #commit(batch: readonly Waiting[]): Promise<void> {
    let verdicts: readonly Verdict[];
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

/** Lets every request that has arrived by now add its writes to the batch. */
function endOfTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
