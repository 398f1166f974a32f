import { expect, it } from 'vitest';
import type { LocalPlan } from '../protocol/plan.ts';
import { withinTime } from './call-time.ts';

const call = { job: { url: 'https://api.example/' }, timeout_ms: 30_000 };
const plan: LocalPlan = {
  kind: 'local',
  ...call,
  fallbacks: [],
  forward_codes: [],
  endpoint: null,
  continuation_id: null,
};

it('leaves two fifths of the time for handing on a call that hangs', () => {
  expect(withinTime(plan, 25_000).timeout_ms).toBe(15_000);
});

it('keeps a timeout that is shorter anyway, and all of them without a limit', () => {
  expect(withinTime({ ...plan, timeout_ms: 5_000 }, 25_000).timeout_ms).toBe(5_000);
  expect(withinTime(plan, null)).toBe(plan);
});

it('shares the time among the ways that may be tried here one after the other', () => {
  const fallbacks = [
    { ...call, local: true },
    { ...call, local: false },
    { ...call, local: true, timeout_ms: 10 },
  ];
  const timed = withinTime({ ...plan, fallbacks }, 25_000);
  expect([timed, ...timed.fallbacks].map(({ timeout_ms }) => timeout_ms)).toEqual([
    5_000, 5_000, 5_000, 10,
  ]);
});

it('gives a call that has no time left a moment, so that it ends as a timeout', () => {
  expect(withinTime(plan, 0).timeout_ms).toBe(1);
});
