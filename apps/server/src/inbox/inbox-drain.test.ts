import { FakeClock } from '@ezthrottle/testkit';
import { describe, expect, test } from 'vitest';
import { createInboxDrain, type InboxDrainOptions } from './inbox-drain.ts';
import type { InboxOutcome, InboxRow } from './inbox-rows.ts';

const TAKEN: InboxOutcome = { type: 'taken' };

function rowOf(row: number, job = '{}'): InboxRow {
  return { row, id: `id ${row}`, organization: 'org', apiKey: 'key', job, postponed: 0 };
}

function draining(changes: Partial<InboxDrainOptions> = {}) {
  const clock = new FakeClock(1_000_000);
  const seen = {
    waiting: [] as InboxRow[],
    looks: [] as { readonly at: number; readonly limit: number }[],
    logged: [] as string[],
    used: [] as string[],
    pruned: [] as number[],
    room: Number.POSITIVE_INFINITY,
    failing: false,
  };
  const log = (details: object): void => {
    seen.logged.push('event' in details ? String(details.event) : '');
  };
  const drain = createInboxDrain({
    rows: {
      async take(limit, settle) {
        seen.looks.push({ at: clock.now() - 1_000_000, limit });
        if (seen.failing) throw new Error('the database is away');
        const rows = seen.waiting.splice(0, limit);
        await settle(rows);
        return rows.length;
      },
      forgetAccount: async () => {},
      async prune(before) {
        seen.pruned.push(before);
        return 0;
      },
    },
    admission: { hasRoom: async (jobs) => jobs <= seen.room },
    admit: async (rows) => rows.map(() => TAKEN),
    onTaken: (apiKey) => seen.used.push(apiKey),
    clock,
    logger: { info: log, warn: log, error: log },
    retentionMs: 5_000,
    ...changes,
  });
  return { clock, seen, drain };
}

describe('the drain of the inbox', () => {
  test('looks ever less often while there is nothing, down to its interval', async () => {
    const { clock, seen, drain } = draining({ everyMs: 100 });
    await drain.start();

    await clock.advance(500);
    await drain.stop();
    await clock.advance(1_000);

    expect(seen.looks.map(({ at }) => at)).toEqual([20, 60, 140, 240, 340, 440]);
  });

  test('looks again at once while there is more than it takes at a time, then soon', async () => {
    const { clock, seen, drain } = draining({ everyMs: 1_000, batch: 10 });
    seen.waiting = Array.from({ length: 25 }, (_, index) => rowOf(index));
    await drain.start();

    await clock.advance(60);
    await drain.stop();

    expect(seen.looks.map(({ at }) => at)).toEqual([20, 20, 20, 40]);
    expect(seen.used.length).toBe(25);
  });

  test('takes no more at a time than fits into memory when jobs are large', async () => {
    const { clock, seen, drain } = draining({ batch: 100 });
    const large = `"${'x'.repeat(1_048_574)}"`;
    seen.waiting = Array.from({ length: 120 }, (_, index) => rowOf(index, large));
    await drain.start();

    await clock.advance(21);
    await drain.stop();

    expect(seen.looks.slice(0, 4).map(({ limit }) => limit)).toEqual([100, 8, 8, 8]);
    expect(seen.waiting).toEqual([]);
  });

  test('takes only what there is room for, and does not look while there is none', async () => {
    const { clock, seen, drain } = draining({ everyMs: 20 });
    seen.waiting = [rowOf(1), rowOf(2)];
    seen.room = 0;
    await drain.start();
    await clock.advance(200);
    expect(seen.looks).toEqual([]);

    seen.room = 1;
    await clock.advance(20);

    expect(seen.looks).toEqual([{ at: 220, limit: 1 }]);
    expect(seen.waiting).toEqual([rowOf(2)]);
    await drain.stop();
  });

  test('tells once that the inbox cannot be read, waits longer, and tells when it can', async () => {
    const { clock, seen, drain } = draining({ everyMs: 100 });
    seen.failing = true;
    await drain.start();
    await clock.advance(1_000);
    expect(seen.looks.map(({ at }) => at)).toEqual([20, 220, 620]);
    expect(seen.logged).toEqual(['inbox_unreadable']);

    seen.failing = false;
    await clock.advance(1_000);

    expect(seen.logged).toEqual(['inbox_unreadable', 'inbox_readable']);
    await drain.stop();
  });

  test('says in the log which job was refused, and why', async () => {
    const details: object[] = [];
    const problems = [{ path: 'url', message: 'is missing', expected: 'an address' }];
    const { seen, drain } = draining({
      admit: async () => [
        { type: 'refused', code: 'validation_failed', message: 'the job is wrong', problems },
      ],
      logger: { info: () => {}, error: () => {}, warn: (said) => details.push(said) },
    });
    seen.waiting = [rowOf(1)];

    expect(await drain.runOnce()).toBe(1);

    expect(details).toEqual([
      { event: 'inbox_job_refused', jobId: 'id 1', code: 'validation_failed', problems },
    ]);
    expect(seen.used).toEqual([]);
  });

  test.each([
    ['one node alone forgets', undefined, [1_055_000]],
    ['the node whose turn it is forgets', () => true, [1_055_000]],
    ['another node leaves', () => false, []],
  ])('%s what was refused before the retention', async (_, isOurs, expected) => {
    const { clock, seen, drain } = draining({ everyMs: 500, isOurs });
    await drain.start();
    await clock.advance(61_000);
    await drain.stop();

    // By the round: the next one after a minute.
    expect(seen.pruned.map((before) => Math.floor(before / 1_000) * 1_000)).toEqual(expected);
  });
});
