import type { Id, JobPlace, Operation, Verdict } from '@ezthrottle/engine';
import { FakeClock } from '@ezthrottle/testkit';
import { describe, expect, test } from 'vitest';
import { type AccountDeletions, createAccountDeletions } from './account-deletions.ts';

interface Job {
  readonly id: Id;
  readonly row: number;
  readonly userId: string;
  readonly createdAt: number;
  isLive: boolean;
}

interface Scene {
  readonly clock: FakeClock;
  readonly jobs: Job[];
  readonly cancelled: Id[];
  readonly forgotten: string[];
  readonly stubborn: Set<Id>;
  /** Accounts whose names cannot be forgotten the first time. */
  readonly inTheWay: Set<string>;
  readonly documents: Map<string, string>;
  readonly create: () => AccountDeletions;
}

/** Jobs of ada and bob in turn, and what a restart would find. */
function scene(count: number): Scene {
  const clock = new FakeClock(1_000_000);
  const documents = new Map<string, string>();
  const cancelled: Id[] = [];
  const forgotten: string[] = [];
  const stubborn = new Set<Id>();
  const inTheWay = new Set<string>();
  const jobs: Job[] = Array.from({ length: count }, (_, row) => ({
    id: `job-${row}`,
    row: row + 1,
    userId: row % 2 === 0 ? 'ada' : 'bob',
    createdAt: 999_000,
    isLive: row % 4 === 0,
  }));

  async function commit(operation: Operation): Promise<Verdict> {
    if (operation.type === 'put_document') {
      if (operation.data === null) documents.delete(operation.name);
      else documents.set(operation.name, operation.data);
    }
    if (operation.type === 'forget_account') {
      if (inTheWay.delete(operation.userId)) return { verdict: 'stale' };
      forgotten.push(operation.userId);
    }
    if (operation.type !== 'remove_jobs') return { verdict: 'ok' };
    const gone = jobs.filter(({ id, isLive }) => operation.jobIds.includes(id) && !isLive);
    for (const job of gone) jobs.splice(jobs.indexOf(job), 1);
    return { verdict: 'ok', count: gone.length };
  }

  const create = (): AccountDeletions =>
    createAccountDeletions({
      reads: {
        async documents() {
          return [...documents].map(([name, data]) => ({
            organization: 'org',
            kind: 'account-deletion',
            name,
            data,
          }));
        },
        async ofAccount({ userId, after, limit }) {
          const behind = jobs.filter(({ row }) => row > (after?.row ?? 0)).slice(0, limit);
          const last = behind.at(-1);
          const next: JobPlace | null =
            last === undefined || behind.length < limit ? null : { at: 0, row: last.row };
          return { jobs: behind.filter((job) => job.userId === userId), next };
        },
      },
      commit,
      gate: {
        async cancel(_organization, id) {
          const job = jobs.find((one) => one.id === id);
          if (job !== undefined && !stubborn.has(id)) job.isLive = false;
          cancelled.push(id);
          return 'cancelled';
        },
      },
      clock,
      stepRows: 10,
      maxSteps: 1,
      logger: { error: () => undefined },
    });
  return { clock, jobs, cancelled, forgotten, stubborn, inTheWay, documents, create };
}

describe("the deletion of an account's data", () => {
  test('goes step by step, also over a restart, and tells how far it is', async () => {
    const { jobs, cancelled, forgotten, create } = scene(40);
    const first = create();
    expect((await first.request('org', 'ada')).finishedAt).toBeNull();
    await first.runOnce();
    expect(first.find('org', 'ada')).toMatchObject({ removed: 5, finishedAt: null });

    const second = create();
    await second.load();
    expect(await second.request('org', 'ada')).toEqual(first.find('org', 'ada'));
    for (let round = 0; round < 5; round += 1) await second.runOnce();
    expect(second.find('org', 'ada')).toMatchObject({ removed: 20, finishedAt: 1_000_000 });
    expect(jobs.map(({ userId }) => userId)).toEqual(Array.from({ length: 20 }, () => 'bob'));
    expect(cancelled).toHaveLength(10);
    expect(forgotten).toEqual(['ada']);
  });

  test('waits for a job that does not end at once', async () => {
    const { stubborn, create } = scene(4);
    stubborn.add('job-0');
    const deletions = create();
    await deletions.request('org', 'ada');
    await deletions.runOnce();
    expect(deletions.find('org', 'ada')).toMatchObject({ removed: 1, finishedAt: null });
    stubborn.clear();
    await deletions.runOnce();
    expect(deletions.find('org', 'ada')).toMatchObject({ removed: 2, finishedAt: 1_000_000 });
  });

  test('is over only when the name is forgotten', async () => {
    const { inTheWay, forgotten, create } = scene(4);
    inTheWay.add('ada');
    const deletions = create();
    await deletions.request('org', 'ada');
    await deletions.runOnce();
    expect(deletions.find('org', 'ada')).toMatchObject({ removed: 2, finishedAt: null });
    expect(forgotten).toEqual([]);
    await deletions.runOnce();
    expect(deletions.find('org', 'ada')).toMatchObject({ removed: 2, finishedAt: 1_000_000 });
    expect(forgotten).toEqual(['ada']);
  });

  test('lets no new job be made of an old one, and finds one that is just being made', async () => {
    const { clock, jobs, create } = scene(2);
    const deletions = create();
    const ada = { organization: 'org', userId: 'ada', createdAt: 999_000 };
    let write = (): void => undefined;
    const written = new Promise<void>((resolve) => {
      write = resolve;
    });
    const early = deletions.unlessDeleted(ada, async () => {
      await written;
      jobs.push({ id: 'new try', row: 9, userId: 'ada', createdAt: clock.now(), isLive: false });
      return 'made';
    });
    const asked = deletions.request('org', 'ada');
    const make = async (): Promise<string> => 'made';
    expect(await deletions.unlessDeleted(ada, make)).toBeNull();
    await deletions.runOnce();
    write();
    expect([await early, (await asked).finishedAt]).toEqual(['made', null]);
    await deletions.runOnce();
    expect(deletions.find('org', 'ada')).toMatchObject({ removed: 2, finishedAt: 1_000_000 });
    expect(jobs.map(({ userId }) => userId)).toEqual(['bob']);
    expect(await deletions.unlessDeleted(ada, make)).toBeNull();
    for (const other of [{ createdAt: 1_000_001 }, { userId: 'bob' }, { userId: '' }]) {
      expect(await deletions.unlessDeleted({ ...ada, ...other }, make)).toBe('made');
    }
  });

  test('leaves what was submitted after it was asked for, and the name with it', async () => {
    const { jobs, forgotten, create } = scene(4);
    jobs.push({ id: 'later', row: 9, userId: 'ada', createdAt: 1_000_001, isLive: true });
    const deletions = create();
    await deletions.request('org', 'ada');
    await deletions.runOnce();
    expect(deletions.find('org', 'ada')).toMatchObject({ removed: 2, finishedAt: 1_000_000 });
    expect([jobs.at(-1)?.id, forgotten]).toEqual(['later', []]);
  });

  test('is itself forgotten after a month', async () => {
    const { clock, documents, create } = scene(0);
    const deletions = create();
    await deletions.request('org', 'ada');
    await deletions.runOnce();
    await clock.advance(30 * 86_400_000 + 1);
    await deletions.runOnce();
    expect([deletions.find('org', 'ada'), documents.size]).toEqual([null, 0]);
  });
});
