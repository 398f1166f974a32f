import { FakeClock } from '@ezthrottle/testkit';
import { expect, test } from 'vitest';
import { CLOSED_CIRCUIT } from '../pace/circuit.ts';
import { feedback } from '../pace/feedback.ts';
import { withAllotment } from '../pace/allotment.ts';
import { DEFAULT_PACE } from '../pace/pace-settings.ts';
import { createPace } from '../pace/pace-state.ts';
import { limitStateView } from './limit-state.ts';

test('a rate that a target has announced is shown as it was announced, whatever share of it was learned here', () => {
  const clock = new FakeClock();
  const now = clock.monotonic();
  const settings = { ...DEFAULT_PACE, ratePerSecond: 40, configured: true };
  const answer = { status: 200, headers: { 'ratelimit-policy': '"default";q=20;w=1' } };
  const learnedRateOf = (ratePerSecond: number): number | null => {
    const share = { ratePerSecond, burst: 1, concurrency: 4, until: null };
    const pace = withAllotment(createPace(settings, now), settings, share, now);
    const taught = feedback(pace, { ...answer, sentAt: now }, now, clock.now());
    const state = { pace: taught, circuit: CLOSED_CIRCUIT, waiting: 0 };
    return limitStateView(state, 1_000, null, clock).learned_rate;
  };
  expect(learnedRateOf(10)).toBeCloseTo(20);
  expect(learnedRateOf(30)).toBeCloseTo(20);
});
