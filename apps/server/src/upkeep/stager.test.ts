import type { Id, Operation, WorkRow } from '@ezthrottle/engine';
import { FakeClock } from '@ezthrottle/testkit';
import { API_KEY, nextId, ORGANIZATION, ORIGIN } from '@ezthrottle/testkit/store-data';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Stager } from './stager.ts';

let clock: FakeClock;
let delayed: WorkRow[];
let timers: { readonly id: Id; readonly at: number }[];
let written: Operation[];
let ready: WorkRow[];
let woken: Id[];
let errors: string[];
let reads: number;
let failing: boolean;
let stager: Stager;

function row(readyAt: number): WorkRow {
  return {
    jobId: nextId(),
    leg: 0,
    organization: ORGANIZATION.id,
    apiKey: API_KEY.id,
    userId: '',
    origin: ORIGIN,
    rank: readyAt,
    readyAt,
  };
}

function earliest(moments: readonly number[]): number | null {
  return moments.length === 0 ? null : Math.min(...moments);
}

beforeEach(() => {
  clock = new FakeClock();
  [delayed, timers, written, ready, woken, errors] = [[], [], [], [], [], []];
  reads = 0;
  failing = false;
  stager = new Stager({
    clock,
    batchRows: 10,
    work: {
      due: async (now, limit) => {
        reads += 1;
        if (failing) throw new Error('disk gone');
        return delayed.filter(({ readyAt }) => readyAt <= now).slice(0, limit);
      },
      nextDueAt: async () => earliest(delayed.map(({ readyAt }) => readyAt)),
      wakeable: async (now, limit) =>
        timers.flatMap(({ id, at }) => (at <= now ? [id] : [])).slice(0, limit),
      nextWakeAt: async () => earliest(timers.map(({ at }) => at)),
    },
    committer: {
      write: async (operation) => {
        written.push(operation);
        return { verdict: 'ok' };
      },
    },
    onReady: (rows) => {
      ready.push(...rows);
      delayed = delayed.filter((one) => !rows.includes(one));
    },
    onWakeable: async (ids) => {
      woken.push(...ids);
      timers = timers.filter(({ id }) => !ids.includes(id));
    },
    logger: { error: (_, message) => errors.push(message) },
  });
});

afterEach(async () => {
  await stager.stop();
});

describe('the stager', () => {
  test('brings delayed work into line when its time has come, and not before', async () => {
    const due = row(clock.now() + 700);
    delayed = [due];
    await stager.start();
    await clock.advance(690);
    expect(ready).toEqual([]);
    await clock.advance(20);
    expect(ready).toEqual([due]);
    expect(written).toEqual([{ type: 'stage', rows: [{ jobId: due.jobId, leg: 0 }] }]);
  });

  test('is told of work that is due sooner than it would look', async () => {
    await stager.start();
    await clock.advance(50);
    delayed = [row(clock.now() + 100)];
    stager.wakeAt(clock.now() + 100);
    await clock.advance(110);
    expect(ready).toHaveLength(1);
  });

  test('works off more than one batch without a pause', async () => {
    delayed = Array.from({ length: 35 }, () => row(clock.now()));
    await stager.start();
    await clock.advance(20);
    expect(ready).toHaveLength(35);
  });

  test('wakes jobs whose timer has run out', async () => {
    timers = [{ id: nextId(), at: clock.now() + 300 }];
    const [{ id } = { id: '' }] = timers;
    await stager.start();
    await clock.advance(320);
    expect(woken).toEqual([id]);
  });

  test('does not spin on a timer that stays due', async () => {
    timers = [{ id: 'stuck', at: clock.now() }];
    const stuck = timers;
    await stager.start();
    for (let second = 0; second < 10; second += 1) {
      timers = stuck;
      await clock.advance(100);
    }
    expect(reads).toBeLessThan(150);
  });

  test('goes on after a read that failed', async () => {
    failing = true;
    await stager.start();
    await clock.advance(10);
    expect(errors).toHaveLength(1);
    failing = false;
    delayed = [row(clock.now())];
    await clock.advance(1_100);
    expect(ready).toHaveLength(1);
  });

  test('does nothing after it was stopped; stopping twice and unstarted is fine', async () => {
    await stager.stop();
    await stager.start();
    await stager.start();
    await clock.advance(10);
    await stager.stop();
    await stager.stop();
    const before = reads;
    delayed = [row(clock.now())];
    stager.wakeAt(clock.now());
    await clock.advance(5_000);
    expect(reads).toBe(before);
  });
});
