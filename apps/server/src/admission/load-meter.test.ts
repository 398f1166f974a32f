import { describe, expect, test } from 'vitest';
import { createLoadMeter } from './load-meter.ts';

const clock = { monotonic: () => 0 };
const ONE = { organization: 'org', apiKey: 'key', userId: 'one' };
const TWO = { ...ONE, userId: 'two' };
const STRANGER = { organization: 'other', apiKey: 'key', userId: 'one' };

describe('the load', () => {
  test('is counted for all, for each organization, and for each account', () => {
    const meter = createLoadMeter({ clock, countsAccounts: true });
    meter.restore([{ ...ONE, jobs: 3 }]);
    for (const account of [ONE, TWO, STRANGER]) meter.taken(account);
    meter.ended(ONE);
    expect(meter.total.jobs).toBe(5);
    expect(meter.organization('org').jobs).toBe(4);
    expect([ONE, TWO, STRANGER].map((account) => meter.account(account).jobs)).toEqual([3, 1, 1]);
  });

  test('is without what did not reach the disk, which says nothing of how fast jobs end', () => {
    const meter = createLoadMeter({ clock, countsAccounts: true });
    meter.taken(ONE);
    meter.taken(ONE);
    meter.untaken(ONE);
    expect(meter.account(ONE)).toEqual({ jobs: 1, drainPerSecond: 0 });
    expect(meter.total).toEqual({ jobs: 1, drainPerSecond: 0 });
  });

  test('of accounts is not counted unless somebody wants to know', () => {
    const meter = createLoadMeter({ clock, countsAccounts: false });
    meter.taken(ONE);
    expect([meter.total.jobs, meter.account(ONE).jobs]).toEqual([1, 0]);
  });

  test('drains at the rate at which jobs have ended of late', () => {
    let now = 0;
    const clock = { monotonic: () => now };
    const meter = createLoadMeter({ clock, countsAccounts: true });
    meter.restore([{ ...ONE, jobs: 10_000 }]);
    for (let second = 0; second < 120; second += 1) {
      now += 1_000;
      for (let jobs = 0; jobs < 20; jobs += 1) meter.ended(ONE);
    }
    expect(meter.account(ONE).drainPerSecond).toBeGreaterThan(18);
    expect(meter.account(ONE).drainPerSecond).toBeLessThan(22);
    now += 120_000;
    expect(meter.total.drainPerSecond).toBeLessThan(1);
  });
});
