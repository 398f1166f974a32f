import { expect, test } from 'vitest';
import { temporaryFolder } from '../temporary-store.ts';
import { measureFairness } from './fairness.ts';

const QUIET_JOBS = 30;
const PER_SECOND = 50;
/**
 * In turn, a quiet job waits for the call that goes just then and one more; in one line for all it would
 * wait behind nearly a thousand. In between is room for a machine that is busy with other tests.
 */
const FAR = 20;

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
    expect(
      waits.filter(({ overtakenBy, ms }) => !Number.isFinite(ms) || overtakenBy > FAR),
    ).toEqual([]);
  },
  60_000,
);
