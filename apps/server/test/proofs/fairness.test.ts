import { expect, test } from 'vitest';
import { temporaryFolder } from '../temporary-store.ts';
import { measureFairness } from './fairness.ts';

const QUIET_JOBS = 30;
const PER_SECOND = 50;
/**
 * In turn, a quiet job waits behind the attempts that are armed ahead (14 here, `spec/pacing.md`) and two
 * more; in one line for all it would wait behind nearly a thousand. In between is room for a busy machine.
 */
const FAR = 150;

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
