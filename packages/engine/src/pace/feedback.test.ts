import { describe, expect, test } from 'vitest';
import { admit } from './admission.ts';
import { feedback } from './feedback.ts';
import { DEFAULT_PACE } from './pace-settings.ts';
import type { PaceSettings } from './pace-settings.ts';
import { createPace } from './pace-state.ts';
import type { PaceState } from './pace-state.ts';
import { restorePace, savePace } from './saved-pace.ts';

const WALL = Date.UTC(2026, 0, 1);
/** What the burst for late timers lets the next request come forward. */
const SLACK_MS = 5 / 0.985;

/** Milliseconds from one request to the next. */
function spacing(perSecond: number): number {
  return 1_000 / (0.985 * perSecond);
}

/** That moment without its seconds, which are none. */
function toMinute(afterMs: number): string {
  return new Date(WALL + afterMs).toISOString().replace(/:00\.000Z$/, 'Z');
}

function key(settings: Partial<PaceSettings> = {}): PaceState {
  return createPace({ ...DEFAULT_PACE, ...settings }, 0);
}

function answer(
  state: PaceState,
  status: number,
  headers: Record<string, string> = {},
  now = 10_000,
): PaceState {
  return feedback(state, { status, headers }, now, WALL + now);
}

describe('limits that the target announces', () => {
  test.each([
    [{ 'x-aqueduct-rps': '5', 'x-ezthrottle-rps': '6', 'x-aquifer-rps': '7' }, 5],
    [{ 'x-ezthrottle-rps': '6', 'x-aquifer-rps': '7' }, 6],
    [{ 'x-aquifer-rps': '7' }, 7],
    [{ 'x-aqueduct-rps': 'fast', 'x-aquifer-rps': '7' }, 7],
    [{ 'x-aqueduct-rps': '-1' }, 2],
    [{ 'x-aqueduct-rps': '0' }, 2],
    [{ 'x-aqueduct-rps': '0.1' }, 0.5],
    [{ 'x-aqueduct-rps': '1000000' }, 1_000],
  ])('%o makes it %d a second', (headers, rate) => {
    expect(answer(key(), 200, headers).ratePerSecond).toBe(rate);
  });

  test('each header is looked up on its own', () => {
    const state = answer(key(), 200, { 'x-aqueduct-rps': '9', 'x-aquifer-max-concurrent': '3' });
    expect([state.ratePerSecond, state.concurrency]).toEqual([9, 3]);
  });

  test.each([['0'], ['-2'], ['many'], ['0.4']])('a concurrency of %s is ignored', (value) => {
    expect(answer(key(), 200, { 'x-aqueduct-max-concurrent': value }).concurrency).toBe(16);
  });

  test('what the operator configured is a ceiling', () => {
    const configured = key({ ratePerSecond: 10, concurrency: 4, configured: true });
    const state = answer(configured, 200, {
      'x-ezthrottle-rps': '50',
      'x-ezthrottle-max-concurrent': '9',
    });
    expect([state.ratePerSecond, state.concurrency]).toEqual([10, 4]);
    expect(answer(configured, 200, { 'x-ezthrottle-rps': '3' }).ratePerSecond).toBe(3);
  });

  test('unless the operator lets targets raise it', () => {
    const configured = key({ ratePerSecond: 10, configured: true, allowRaise: true });
    expect(answer(configured, 200, { 'x-ezthrottle-rps': '50' }).ratePerSecond).toBe(50);
  });

  test('a lower rate delays what is already spaced, a higher one brings it forward', () => {
    const sent = admit([{ key: 'key', state: key() }], 10_000);
    const state = sent.verdict === 'go' ? (sent.states[0]?.state ?? key()) : key();
    const slower = answer(state, 200, { 'x-ezthrottle-rps': '0.5' });
    expect(admit([{ key: 'key', state: slower }], 10_000)).toMatchObject({
      until: expect.closeTo(10_000 + spacing(0.5) - SLACK_MS, 6),
    });
    const faster = answer(state, 200, { 'x-ezthrottle-rps': '10' });
    expect(admit([{ key: 'key', state: faster }], 10_000)).toMatchObject({
      until: expect.closeTo(10_000 + spacing(10) - SLACK_MS, 6),
    });
  });
});

describe('quotas that the target tells', () => {
  test.each([
    [{ 'ratelimit-policy': '"burst";q=100;w=60, "daily";q=1000000;w=86400' }, 100 / 60],
    [{ 'ratelimit-policy': '"default";q=50;w=10', ratelimit: '"default";r=49;t=9' }, 5],
    [{ 'ratelimit-policy': '"bytes";q=100;w=10;qu="content-bytes"' }, 2],
    [{ 'ratelimit-policy': '600;w=60', ratelimit: 'limit=600, remaining=400, reset=30' }, 10],
    [
      { 'ratelimit-limit': '100, 100;w=10', 'ratelimit-remaining': '99', 'ratelimit-reset': '9' },
      10,
    ],
    [{ 'ratelimit-policy': '"x";q=0;w=10' }, 2],
    [{ 'ratelimit-policy': '"x";q=10;w=0' }, 2],
    [{ 'ratelimit-policy': ';;;=,,"' }, 2],
    [{ 'ratelimit-policy': '5;w=1', 'x-aquifer-rps': '7' }, 7],
  ])('%o makes it %d a second', (headers, rate) => {
    expect(answer(key(), 200, headers).ratePerSecond).toBeCloseTo(rate, 9);
  });

  test('what little is left is made to last, and the old rate is back when there is plenty', () => {
    const fast = key({ ratePerSecond: 10, configured: true });
    const quota = (remaining: number): Record<string, string> => ({
      'x-ratelimit-limit': '100',
      'x-ratelimit-remaining': String(remaining),
      'x-ratelimit-reset': '10',
    });
    expect(answer(fast, 200, quota(21)).ratePerSecond).toBe(10);
    const scarce = answer(fast, 200, quota(20));
    expect(scarce.ratePerSecond).toBe(2);
    expect(answer({ ...scarce, inFlight: 4 }, 200, quota(16)).ratePerSecond).toBe(1.2);
    expect(answer(scarce, 200, quota(99)).ratePerSecond).toBe(10);
  });
});

describe('pauses', () => {
  const inTwoMinutes = new Date(WALL + 130_000).toUTCString();
  const epochSeconds = String(WALL / 1_000 + 40);
  test.each<[number, Record<string, string>, number | null]>([
    [429, { 'retry-after': '3' }, 13_000],
    [503, { 'retry-after': '3' }, 13_000],
    [429, { 'retry-after': inTwoMinutes }, 130_000],
    [429, { 'retry-after': '900000000' }, 86_410_000],
    [429, { 'retry-after': '5 apples' }, null],
    [429, { 'retry-after': '0' }, null],
    [200, { 'retry-after': '3' }, null],
    [200, { 'ratelimit-remaining': '0', 'ratelimit-reset': '7' }, 17_000],
    [200, { 'ratelimit-remaining': '1', 'ratelimit-reset': '7' }, null],
    [200, { 'ratelimit-remaining': '0' }, null],
    [200, { ratelimit: '"default";r=0;t=9' }, 19_000],
    [200, { ratelimit: '"hour";r=4;t=3000, "burst";r=0;t=2' }, 12_000],
    [200, { ratelimit: 'limit=100, remaining=0, reset=5' }, 15_000],
    [200, { ratelimit: '"default";r=5;t=9' }, null],
    [200, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '6' }, 16_000],
    [403, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': epochSeconds }, 40_000],
    [429, { 'retry-after': '2.0' }, 12_000],
    [429, { 'retry-after-ms': '250' }, 10_250],
    [429, { 'retry-after': '2', 'x-ms-retry-after-ms': '1500' }, 11_500],
    [200, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset-after': '1.5' }, 11_500],
    [200, { 'x-rate-limit-remaining': '0', 'x-rate-limit-reset': epochSeconds }, 40_000],
    [
      200,
      {
        'x-ratelimit-remaining-requests': '59',
        'x-ratelimit-reset-requests': '1s',
        'x-ratelimit-remaining-tokens': '0',
        'x-ratelimit-reset-tokens': '6m0s',
      },
      370_000,
    ],
    [200, { 'x-ratelimit-remaining-requests': '0', 'x-ratelimit-reset-requests': '12ms' }, 10_012],
    [
      429,
      {
        'anthropic-ratelimit-requests-remaining': '10',
        'anthropic-ratelimit-input-tokens-remaining': '0',
        'anthropic-ratelimit-input-tokens-reset': new Date(WALL + 70_000).toISOString(),
      },
      70_000,
    ],
    [200, { 'x-ratelimit-requests-remaining': '0', 'x-ratelimit-requests-reset': '3' }, 13_000],
    [200, { 'x-shopify-shop-api-call-limit': '40/40' }, 10_500],
    [200, { 'x-shopify-shop-api-call-limit': '32/40' }, null],
    [
      429,
      {
        'x-hubspot-ratelimit-remaining': '0',
        'x-hubspot-ratelimit-max': '100',
        'x-hubspot-ratelimit-interval-milliseconds': '10000',
      },
      20_000,
    ],
    [429, { 'retry-after': '1', 'ratelimit-remaining': '0', 'ratelimit-reset': '60' }, 11_000],
    [429, { 'retry-after': '0', 'ratelimit-remaining': '0', 'ratelimit-reset': '60' }, 70_000],
    [429, { 'x-ratelimit-retry-after': '4' }, 14_000],
    [503, { 'x-retry-after': '4' }, 14_000],
    [403, { 'retry-after': '4' }, 14_000],
    [403, {}, null],
    [404, { 'retry-after': '4' }, null],
    [200, { 'x-ratelimit-remaining': '0, 50', 'x-ratelimit-reset': '30, 60' }, 70_000],
    [200, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': toMinute(120_000) }, 120_000],
    [
      200,
      { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': new Date(WALL + 70_000).toUTCString() },
      70_000,
    ],
    [
      200,
      {
        'ratelimit-policy': '"calls, all";q=100;w=60',
        ratelimit: '"calls, all";r=0;t=30',
      },
      40_000,
    ],
  ])('status %d with %o stops the key until %s', (status, headers, until) => {
    expect(answer(key(), status, headers).pausedUntil).toBe(until);
  });

  test('a paused key lets nothing go, then goes on at its old rate', () => {
    const state = answer(key(), 429, { 'retry-after': '3' });
    expect(admit([{ key: 'key', state }], 12_999)).toEqual({
      verdict: 'wait',
      key: 'key',
      reason: 'paused',
      until: 13_000,
    });
    expect(admit([{ key: 'key', state }], 13_000).verdict).toBe('go');
    expect(state.ratePerSecond).toBe(2);
  });

  test('a shorter pause does not end a longer one', () => {
    const state = answer(answer(key(), 429, { 'retry-after': '60' }), 429, { 'retry-after': '1' });
    expect(state.pausedUntil).toBe(70_000);
  });
});

describe('without a word from the target', () => {
  const fast = key({ ratePerSecond: 100, configured: true });

  test('a 429 halves the rate, once per window', () => {
    const once = answer(fast, 429);
    expect(once.ratePerSecond).toBe(50);
    expect(answer(once, 429, {}, 10_900).ratePerSecond).toBe(50);
    expect(answer(once, 503, {}, 11_000).ratePerSecond).toBe(25);
  });

  test('not below the floor', () => {
    let state = key();
    for (let second = 0; second < 60; second += 5) state = answer(state, 429, {}, second * 1_000);
    expect(state.ratePerSecond).toBe(0.5);
  });

  test('a few refusals among many answers cost little', () => {
    let state = fast;
    for (let call = 1; call <= 99; call += 1) state = answer(state, 200, {}, 9_000 + call * 10);
    expect(answer(state, 429).ratePerSecond).toBeGreaterThan(90);
  });

  test('a refusal of a call that was out before the rate was lowered does not lower it again', () => {
    const once = answer(fast, 429);
    const late = { status: 429, headers: {}, sentAt: 9_999 };
    expect(feedback(once, late, 15_000, WALL)).toEqual(once);
    expect(feedback(once, { ...late, sentAt: 10_001 }, 15_000, WALL).ratePerSecond).toBe(25);
  });

  test('successes bring it back by time, not by count, up to where it came from', () => {
    const halved = answer(fast, 429);
    let often = halved;
    for (let call = 1; call <= 500; call += 1) often = answer(often, 200, {}, 10_000 + call * 10);
    let rarely = halved;
    for (let call = 1; call <= 5; call += 1)
      rarely = answer(rarely, 200, {}, 10_000 + call * 1_000);
    expect(often.ratePerSecond).toBeGreaterThan(52);
    expect(often.ratePerSecond).toBeCloseTo(rarely.ratePerSecond, 0);
    for (let call = 6; call <= 15; call += 1)
      rarely = answer(rarely, 200, {}, 10_000 + call * 1_000);
    expect(rarely.ratePerSecond).toBe(100);
  });

  test('other failures teach nothing', () => {
    for (const status of [500, 404]) {
      const { ratePerSecond, concurrency, pausedUntil } = answer(fast, status);
      expect({ ratePerSecond, concurrency, pausedUntil }).toEqual({
        ratePerSecond: 100,
        concurrency: 16,
        pausedUntil: null,
      });
    }
  });

  test('a refusal for too many calls at once takes slots and leaves the rate', () => {
    const { ratePerSecond, concurrency } = answer({ ...fast, inFlight: 7 }, 429, {
      'stripe-rate-limited-reason': 'global-concurrency',
    });
    expect([ratePerSecond, concurrency]).toEqual([100, 6]);
  });

  test('nothing raises an unknown target above two a second', () => {
    let state = key();
    for (let second = 1; second < 100; second += 1) state = answer(state, 200, {}, second * 1_000);
    expect(state.ratePerSecond).toBe(2);
  });

  test('a rate that was announced once is where recovery leads', () => {
    let state = answer(key(), 200, { 'x-ezthrottle-rps': '40' }, 0);
    state = answer(state, 429, {}, 5_000);
    expect(state.ratePerSecond).toBe(20);
    for (let second = 6; second < 30; second += 1) state = answer(state, 200, {}, second * 1_000);
    expect(state.ratePerSecond).toBe(40);
  });

  test('slots that were taken away come back one a second', () => {
    let state = answer(key(), 200, { 'x-ezthrottle-max-concurrent': '1' });
    state = answer(state, 200, {}, 11_000);
    state = answer(state, 200, {}, 12_000);
    expect(state.concurrency).toBe(3);
  });
});

describe('saving', () => {
  test('what was learned and the pause survive; the burst is spent', () => {
    const learned = answer(key(), 429, { 'retry-after': '30', 'x-ezthrottle-rps': '8' });
    const saved = savePace(learned, { now: 10_000, wallNow: WALL + 10_000 });
    const loaded = restorePace(saved, DEFAULT_PACE, { now: 0, wallNow: WALL + 20_000 });
    expect(loaded).toMatchObject({ ratePerSecond: 8, pausedUntil: 20_000, inFlight: 0 });
    expect(loaded.arrivesAt).toBeCloseTo(spacing(8) * (1 + 8 * 0.005), 6);
  });

  test('a wall clock that jumped back does not stretch the pause beyond a day', () => {
    const learned = answer(key(), 429, { 'retry-after': '30' });
    const saved = savePace(learned, { now: 10_000, wallNow: WALL });
    const loaded = restorePace(saved, DEFAULT_PACE, { now: 0, wallNow: 0 });
    expect(loaded.pausedUntil).toBe(86_400_000);
  });

  test('a limit that was lowered by the operator meanwhile holds', () => {
    const learned = answer(key(), 200, { 'x-ezthrottle-rps': '80' });
    const saved = savePace(learned, { now: 0, wallNow: WALL });
    const settings = { ...DEFAULT_PACE, ratePerSecond: 5, configured: true };
    const loaded = restorePace(saved, settings, { now: 0, wallNow: WALL });
    expect(loaded.ratePerSecond).toBe(5);
  });

  test.each(['', 'null', '[]', '{"version":2}', '{"version":1,"ratePerSecond":-4}'])(
    'text that is not a saved key starts it anew: %s',
    (text) => {
      const loaded = restorePace(text, DEFAULT_PACE, { now: 0, wallNow: WALL });
      expect(loaded).toMatchObject({ ratePerSecond: 2, pausedUntil: null });
      expect(loaded.arrivesAt).toBeCloseTo(spacing(2) * (1 + 2 * 0.005), 6);
    },
  );
});
