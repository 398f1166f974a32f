import type { Operation, Verdict } from '@ezthrottle/engine';
import { describe, expect, it } from 'vitest';
import { CommitterClosedError, createCommitter } from './committer.ts';

function pruneOf(limit: number): Operation {
  return { type: 'prune', now: 0, jobsEndedBefore: 0, limit };
}

function limitOf(operation: Operation): number {
  return operation.type === 'prune' ? operation.limit : -1;
}

/** A store whose commits end when the test says so. */
class ScriptedStore {
  readonly batches: number[][] = [];
  readonly #pending: {
    resolve: (verdicts: readonly Verdict[]) => void;
    reject: (error: Error) => void;
    batch: readonly Operation[];
  }[] = [];

  commit(batch: readonly Operation[]): Promise<readonly Verdict[]> {
    this.batches.push(batch.map(limitOf));
    return new Promise((resolve, reject) => {
      this.#pending.push({ resolve, reject, batch });
    });
  }

  get inFlight(): number {
    return this.#pending.length;
  }

  succeed(): void {
    const commit = this.#pending.shift();
    commit?.resolve(
      commit.batch.map((operation) => ({ verdict: 'ok', count: limitOf(operation) })),
    );
  }

  fail(error: Error): void {
    this.#pending.shift()?.reject(error);
  }
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('createCommitter', () => {
  it('writes what one turn brings as one batch, in order, and gives each its own verdict', async () => {
    const store = new ScriptedStore();
    const committer = createCommitter({ store, onFatal: () => {} });
    const writes = [1, 2, 3].map((limit) => committer.write(pruneOf(limit)));
    await turns();
    store.succeed();
    expect(await Promise.all(writes)).toEqual([1, 2, 3].map((count) => ({ verdict: 'ok', count })));
    expect(store.batches).toEqual([[1, 2, 3]]);
  });

  it('keeps one batch in flight and collects the next meanwhile', async () => {
    const store = new ScriptedStore();
    const committer = createCommitter({ store, onFatal: () => {} });
    const first = committer.write(pruneOf(1));
    await turns();
    const rest = [2, 3].map((limit) => committer.write(pruneOf(limit)));
    await turns();
    expect(store.batches).toEqual([[1]]);
    expect(store.inFlight).toBe(1);
    store.succeed();
    await first;
    await turns();
    expect(store.batches).toEqual([[1], [2, 3]]);
    store.succeed();
    await Promise.all(rest);
  });

  it('cuts a long queue into batches of the allowed length', async () => {
    const store = new ScriptedStore();
    const committer = createCommitter({ store, maxBatch: 2, onFatal: () => {} });
    const writes = [1, 2, 3, 4, 5].map((limit) => committer.write(pruneOf(limit)));
    for (let batch = 0; batch < 3; batch += 1) {
      await turns();
      store.succeed();
    }
    await Promise.all(writes);
    expect(store.batches).toEqual([[1, 2], [3, 4], [5]]);
  });

  it('when the store fails, refuses every waiting and every later write and tells it once', async () => {
    const store = new ScriptedStore();
    const fatal: Error[] = [];
    const committer = createCommitter({
      store,
      maxBatch: 2,
      onFatal: (error) => fatal.push(error),
    });
    const writes = [1, 2, 3].map((limit) => committer.write(pruneOf(limit)));
    const settled = Promise.allSettled(writes);
    await turns();
    const failure = new Error('disk full');
    store.fail(failure);
    const refused = { status: 'rejected', reason: failure };
    expect(await settled).toEqual([refused, refused, refused]);
    await expect(committer.write(pruneOf(4))).rejects.toBe(failure);
    expect(fatal).toEqual([failure]);
    expect(store.batches).toEqual([[1, 2]]);
    await committer.close();
  });

  it('settles what is under way before it is closed, and takes nothing afterwards', async () => {
    const store = new ScriptedStore();
    const committer = createCommitter({ store, onFatal: () => {} });
    let isClosed = false;
    const write = committer.write(pruneOf(1));
    const closing = committer.close().then(() => {
      isClosed = true;
    });
    await expect(committer.write(pruneOf(2))).rejects.toBeInstanceOf(CommitterClosedError);
    await turns();
    expect(isClosed).toBe(false);
    store.succeed();
    expect(await write).toEqual({ verdict: 'ok', count: 1 });
    await closing;
    await committer.close();
  });

  it('refuses a batch length that can hold nothing', () => {
    const store = new ScriptedStore();
    expect(() => createCommitter({ store, maxBatch: 0, onFatal: () => {} })).toThrow(
      'maxBatch: expected a whole number from 1, got 0',
    );
  });
});
