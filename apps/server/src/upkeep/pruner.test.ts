import type { Operation, Verdict } from '@ezthrottle/engine';
import { FakeClock } from '@ezthrottle/testkit';
import { describe, expect, test } from 'vitest';
import { createPruner, PruneRefusedError, type PrunerOptions } from './pruner.ts';

function pruning(answer: (write: number) => Verdict, changes: Partial<PrunerOptions> = {}) {
  const clock = new FakeClock(1_000_000);
  const writes: Operation[] = [];
  const logged: string[] = [];
  const pruner = createPruner({
    committer: {
      write: async (operation) => {
        writes.push(operation);
        return answer(writes.length);
      },
    },
    clock,
    retentionMs: 5_000,
    everyMs: 60_000,
    stepRows: 10,
    logger: { error: (_details, message) => logged.push(message) },
    ...changes,
  });
  return { clock, writes, logged, pruner };
}

describe('the pruner', () => {
  test('removes other things than jobs when it is told how', async () => {
    const removal: PrunerOptions['removal'] = (before, limit) => ({
      type: 'prune_audit',
      before,
      limit,
    });
    const { writes, pruner } = pruning(() => ({ verdict: 'ok', count: 0 }), { removal });

    expect(await pruner.runOnce()).toEqual({ removed: 0, steps: 1 });
    expect(writes).toEqual([{ type: 'prune_audit', before: 995_000, limit: 10 }]);
  });

  test('removes what ended before the retention, in small steps, until nothing is left', async () => {
    const { writes, pruner } = pruning((write) => ({ verdict: 'ok', count: write < 3 ? 10 : 4 }));

    expect(await pruner.runOnce()).toEqual({ removed: 24, steps: 3 });
    expect(writes).toEqual(
      Array.from({ length: 3 }, () => ({
        type: 'prune',
        now: 1_000_000,
        jobsEndedBefore: 995_000,
        limit: 10,
      })),
    );
  });

  test('leaves the rest to the next round when there is very much', async () => {
    const { pruner } = pruning(() => ({ verdict: 'ok', count: 10 }), { maxSteps: 5 });

    expect(await pruner.runOnce()).toEqual({ removed: 50, steps: 5 });
  });

  test('runs by itself once started', async () => {
    const { clock, writes, pruner } = pruning(() => ({ verdict: 'ok', count: 0 }));

    await pruner.start();
    await clock.advance(120_000);
    await pruner.stop();
    await clock.advance(120_000);

    expect(writes).toHaveLength(2);
  });

  test('says that the store refuses, and tries again', async () => {
    const { clock, writes, logged, pruner } = pruning(() => ({
      verdict: 'rejected',
      reason: 'locked',
    }));

    await expect(pruner.runOnce()).rejects.toThrow(PruneRefusedError);
    await expect(pruner.runOnce()).rejects.toThrow('locked');
    await pruner.start();
    await clock.advance(120_000);
    await pruner.stop();

    expect(logged).toHaveLength(2);
    expect(writes).toHaveLength(4);
  });
});
