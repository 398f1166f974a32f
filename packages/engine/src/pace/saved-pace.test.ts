import { expect, it } from 'vitest';
import { withAllotment } from './allotment.ts';
import { DEFAULT_PACE, type PaceSettings } from './pace-settings.ts';
import { createPace } from './pace-state.ts';
import { restorePace, savePace } from './saved-pace.ts';

const LIMIT: PaceSettings = {
  ...DEFAULT_PACE,
  ratePerSecond: 40,
  floorPerSecond: 1,
  concurrency: 16,
  configured: true,
};
const MOMENT = { now: 0, wallNow: 1_000_000 };

it('keeps what one of several nodes has learned as the whole limit would have', () => {
  const quarter = { ratePerSecond: 10, burst: 1, concurrency: 4, until: null };
  const share = withAllotment(createPace(LIMIT, 0), LIMIT, quarter, 0);
  // The target has announced half of what was configured.
  const taught = { ...share, ratePerSecond: 5, learnedRate: 5, concurrency: 2 };
  const whole = restorePace(savePace(taught, MOMENT), LIMIT, MOMENT);
  expect(whole).toMatchObject({ ratePerSecond: 20, learnedRate: 20, concurrency: 8 });
  // And another node takes its part of that.
  const half = { ratePerSecond: 20, burst: 1, concurrency: 8, until: null };
  expect(withAllotment(whole, LIMIT, half, 0)).toMatchObject({
    ratePerSecond: 10,
    learnedRate: 10,
  });
});
