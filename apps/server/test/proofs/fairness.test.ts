import { expect, test } from 'vitest';
import { temporaryFolder } from '../temporary-store.ts';
import { measureFairness, type QuietWait } from './fairness.ts';

const QUIET_JOBS = 30;
const PER_SECOND = 50;
/**
 * In turn, a quiet job waits for the call that goes just then and one more; behind what is armed ahead it
 * would be seven, in one line for all nearly a thousand. A machine that is busy with other tests arms late.
 */
const NEAR = 2;
const FAR = 10;

test.each([
  { noisyUsers: 0, whose: 'one key' },
  { noisyUsers: 100, whose: '100 users of one key' },
])(
  'a quiet key does not wait behind a thousand jobs of $whose',
  async ({ noisyUsers }) => {
    await using folder = await temporaryFolder();
    const waits = await measureFairness({
      folder: folder.path,
      perSecond: PER_SECOND,
      noisyJobs: 1_000,
      noisyUsers,
      quietJobs: QUIET_JOBS,
      random: Math.random,
    });
    expect(waits).toHaveLength(QUIET_JOBS);
    const isFar = ({ overtakenBy, ms }: QuietWait): boolean =>
      !Number.isFinite(ms) || overtakenBy > FAR;
    expect(waits.filter(isFar)).toEqual([]);
    const near = waits.filter(({ overtakenBy }) => overtakenBy <= NEAR);
    expect(near.length).toBeGreaterThan(QUIET_JOBS / 2);
  },
  60_000,
);
