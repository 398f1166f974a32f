import type { Id, JobPlace, Operation, Verdict } from '@ezthrottle/engine';
import { FakeClock } from '@ezthrottle/testkit';
import { describe, expect, test } from 'vitest';
import { createSweeper, type Sweeper } from './sweeper.ts';

const NOTHING = {
  response_headers: [],
  response_paths: [],
  request_headers: [],
  request_paths: [],
};

interface Scene {
  readonly sweeper: Sweeper;
  readonly clock: FakeClock;
  readonly writes: Operation[];
  readonly needed: Set<Id>;
  readonly restarted: () => Sweeper;
}

/** Jobs that ended one each second, of one organization that keeps bodies for a minute. */
function scene(count: number): Scene {
  const clock = new FakeClock(1_000_000);
  const writes: Operation[] = [];
  const needed = new Set<Id>();
  const documents = new Map<string, string>();
  const jobs = Array.from({ length: count }, (_, row) => ({
    id: `job-${row}`,
    at: row * 1_000,
    row,
  }));
  const isBehind = (job: JobPlace, after: JobPlace | null): boolean =>
    after === null || job.at > after.at || (job.at === after.at && job.row > after.row);
  const create = (): Sweeper =>
    createSweeper({
      settings: {
        organizations: () => ['org'],
        retentionOf: () => ({ bodies_ms: 60_000 }),
        redactionOf: () => NOTHING,
      },
      reads: {
        async documents() {
          return [...documents].map(([name, data]) => ({
            organization: 'org',
            kind: 'sweep',
            name,
            data,
          }));
        },
        async ended({ after, endedBefore, limit }) {
          const found = jobs.filter((job) => isBehind(job, after) && job.at < endedBefore);
          const stretch = found.slice(0, limit);
          return {
            jobIds: stretch.map(({ id }) => id),
            last: stretch.at(-1) ?? null,
            isMore: stretch.length >= limit,
          };
        },
      },
      committer: {
        async write(operation): Promise<Verdict> {
          if (operation.type === 'put_document') {
            documents.set(operation.name, operation.data ?? '');
            return { verdict: 'ok' };
          }
          writes.push(operation);
          if (operation.type !== 'erase_jobs') return { verdict: 'gone' };
          const left = operation.jobIds.filter((id) => needed.has(id));
          return { verdict: 'ok', count: operation.jobIds.length - left.length, left };
        },
      },
      clock,
      stepRows: 10,
      maxSteps: 2,
      logger: { error: () => undefined },
    });
  return { sweeper: create(), clock, writes, needed, restarted: create };
}

describe('the sweeper', () => {
  test('takes each job once, a few at a time, and goes on where it was after a restart', async () => {
    const { sweeper, writes, restarted } = scene(35);
    expect(await sweeper.runOnce()).toBe(20);
    expect(await restarted().runOnce()).toBe(15);
    expect(await restarted().runOnce()).toBe(0);
    const ids = writes.flatMap((write) => (write.type === 'erase_jobs' ? write.jobIds : []));
    expect(ids).toEqual(Array.from({ length: 35 }, (_, row) => `job-${row}`));
  });

  test('waits until the time is up', async () => {
    const { sweeper, clock } = scene(1_000);
    for (let round = 0; round < 60; round += 1) await sweeper.runOnce();
    const before = await sweeper.runOnce();
    await clock.advance(3_000);
    expect([before, await sweeper.runOnce()]).toEqual([0, 3]);
  });

  test('comes back to jobs that something needs still', async () => {
    const { sweeper, needed, restarted } = scene(10);
    needed.add('job-3');
    expect(await sweeper.runOnce()).toBe(9);
    expect(await sweeper.runOnce()).toBe(0);
    needed.clear();
    expect(await restarted().runOnce()).toBe(1);
    expect(await restarted().runOnce()).toBe(0);
  });
});
