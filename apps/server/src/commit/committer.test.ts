import type { Operation, Verdict } from '@ezthrottle/engine';
import { FakeClock } from '@ezthrottle/testkit';
import { describe, expect, it } from 'vitest';
import { type Committer, CommitterClosedError, createCommitter } from './committer.ts';

function pruneOf(limit: number): Operation {
  return { type: 'prune', now: 0, jobsEndedBefore: 0, limit };
}

function limitOf(operation: Operation): number {
  return operation.type === 'prune' ? operation.limit : -1;
}

/** A store whose commits end when the test says so. */
class ScriptedStore {
  readonly commitsAtOnce: number;
  readonly batches: number[][] = [];
  readonly #pending: {
    resolve: (verdicts: readonly Verdict[]) => void;
    reject: (error: Error) => void;
    batch: readonly Operation[];
  }[] = [];

  constructor(commitsAtOnce = 1) {
    this.commitsAtOnce = commitsAtOnce;
  }

  commit(batch: readonly Operation[]): Promise<readonly Verdict[]> {
    this.batches.push(batch.map(limitOf));
    return new Promise((resolve, reject) => {
      this.#pending.push({ resolve, reject, batch });
    });
  }

  get inFlight(): number {
    return this.#pending.length;
  }

  /** @param place Of the batch among those in flight. Default: the oldest. */
  succeed(place = 0): void {
    const [commit] = this.#pending.splice(place, 1);
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

  describe('on a store that takes several batches at once', () => {
    const enoughBeside = 3;
    const write = (committer: Committer, ...limits: readonly number[]): Promise<Verdict[]> =>
      Promise.all(limits.map((limit) => committer.write(pruneOf(limit))));
    const okOf = (...counts: readonly number[]): Verdict[] =>
      counts.map((count) => ({ verdict: 'ok', count }));

    it('begins one beside another when enough waits for it, and answers whichever is done first', async () => {
      const store = new ScriptedStore(2);
      const committer = createCommitter({ store, enoughBeside, onFatal: () => {} });
      const first = write(committer, 1);
      await turns();
      const second = write(committer, 2, 3);
      await turns();
      expect(store.batches).toEqual([[1]]);
      const third = write(committer, 4);
      await turns();
      expect(store.batches).toEqual([[1], [2, 3, 4]]);
      store.succeed(1);
      expect(await Promise.all([second, third])).toEqual([okOf(2, 3), okOf(4)]);
      store.succeed();
      expect(await first).toEqual(okOf(1));
    });

    it('keeps as many in flight as the store takes, and no more', async () => {
      const store = new ScriptedStore(2);
      const committer = createCommitter({ store, enoughBeside, maxBatch: 3, onFatal: () => {} });
      const written = write(committer, 1, 2, 3, 4, 5, 6, 7, 8, 9);
      await turns();
      await turns();
      expect([store.batches.length, store.inFlight]).toEqual([2, 2]);
      store.succeed();
      await turns();
      expect(store.batches).toEqual([
        [1, 2, 3],
        [4, 5, 6],
        [7, 8, 9],
      ]);
      while (store.inFlight > 0) store.succeed();
      expect(await written).toEqual(okOf(1, 2, 3, 4, 5, 6, 7, 8, 9));
    });

    it('writes what is left when the last one is done, however little it is', async () => {
      const store = new ScriptedStore(2);
      const committer = createCommitter({ store, enoughBeside, onFatal: () => {} });
      const first = write(committer, 1);
      await turns();
      const second = write(committer, 2);
      store.succeed();
      await first;
      await turns();
      expect(store.batches).toEqual([[1], [2]]);
      store.succeed();
      await second;
    });

    it('is stalled for as long as the oldest one is under way', async () => {
      const clock = new FakeClock();
      const store = new ScriptedStore(2);
      const gathering = { clock, forMs: 0 };
      const committer = createCommitter({ store, enoughBeside, gathering, onFatal: () => {} });
      expect(committer.stalledMs()).toBe(0);
      const first = write(committer, 1);
      await turns();
      await clock.advance(50);
      const second = write(committer, 2, 3, 4);
      await turns();
      await clock.advance(7);
      expect(committer.stalledMs()).toBe(57);
      store.succeed();
      await first;
      await turns();
      expect(committer.stalledMs()).toBe(7);
      store.succeed();
      await second;
      await turns();
      expect(committer.stalledMs()).toBe(0);
    });

    it('when one fails, lets the one beside it settle, and tells the failure once', async () => {
      const store = new ScriptedStore(3);
      const fatal: Error[] = [];
      const committer = createCommitter({
        store,
        enoughBeside: 1,
        maxBatch: 1,
        onFatal: (error) => fatal.push(error),
      });
      const settled = Promise.allSettled([1, 2, 3, 4].map((limit) => write(committer, limit)));
      await turns();
      await turns();
      await turns();
      expect(store.batches).toEqual([[1], [2], [3]]);
      const closing = committer.close();
      store.fail(new Error('disk full'));
      store.fail(new Error('closed'));
      await turns();
      store.succeed();
      await closing;
      expect((await settled).map(({ status }) => status)).toEqual([
        'rejected',
        'rejected',
        'fulfilled',
        'rejected',
      ]);
      expect(fatal.map(({ message }) => message)).toEqual(['disk full']);
    });

    it('is closed when all that was under way is settled', async () => {
      const store = new ScriptedStore(2);
      const committer = createCommitter({ store, enoughBeside: 1, onFatal: () => {} });
      const first = write(committer, 1);
      await turns();
      const second = write(committer, 2);
      await turns();
      let isClosed = false;
      const closing = committer.close().then(() => {
        isClosed = true;
      });
      store.succeed(1);
      await second;
      await turns();
      expect(isClosed).toBe(false);
      store.succeed();
      await Promise.all([first, closing]);
    });
  });

  it('refuses a batch length that can hold nothing', () => {
    const store = new ScriptedStore();
    expect(() => createCommitter({ store, maxBatch: 0, onFatal: () => {} })).toThrow(
      'maxBatch: expected a whole number from 1, got 0',
    );
  });
});
