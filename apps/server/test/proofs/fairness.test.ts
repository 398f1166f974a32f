import { expect, test } from 'vitest';
import { temporaryFolder } from '../temporary-store.ts';
import { measureFairness } from './fairness.ts';

const QUIET_JOBS = 30;
const PER_SECOND = 50;
/** So many attempts are armed ahead, and newcomers wait behind them: `spec/pacing.md`, "Arming ahead". */
const ARMED_AHEAD = Math.ceil(PER_SECOND * 0.25) + 1;

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
    // Behind those its turn comes after two at most, and one was on its way; a machine that is busy
    // elsewhere may be late now and then.
    const soon = waits.filter(
      ({ overtakenBy, ms }) => Number.isFinite(ms) && overtakenBy <= ARMED_AHEAD + 3,
    );
    expect(soon.length).toBeGreaterThanOrEqual(QUIET_JOBS * 0.9);
  },
  60_000,
);
