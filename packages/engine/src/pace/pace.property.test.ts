import fc from 'fast-check';
import { expect, test } from 'vitest';
import { admit, release } from './admission.ts';
import type { KeyedPace } from './admission.ts';
import { feedback } from './feedback.ts';
import { DEFAULT_PACE } from './pace-settings.ts';
import type { PaceSettings } from './pace-settings.ts';
import { createPace, effectiveBurst } from './pace-state.ts';
import type { PaceState } from './pace-state.ts';
import { restorePace, savePace } from './saved-pace.ts';

const WALL = Date.UTC(2026, 0, 1);

const settings: fc.Arbitrary<PaceSettings> = fc.record({
  ratePerSecond: fc.double({ min: 0.1, max: 2_000, noNaN: true }),
  burst: fc.integer({ min: 1, max: 20 }),
  concurrency: fc.integer({ min: 1, max: 8 }),
  floorPerSecond: fc.constantFrom(0.1, 0.5, 2),
  maxPerSecond: fc.constantFrom(1_000, 5_000),
  configured: fc.boolean(),
  allowRaise: fc.boolean(),
});

const headers = fc.oneof(
  fc.constant<Record<string, string>>({}),
  fc.record({
    'x-ezthrottle-rps': fc.constantFrom('0.1', '1', '7.5', '300', '99999', '-3', 'x'),
  }),
  fc.record({ 'x-aqueduct-max-concurrent': fc.constantFrom('0', '1', '3', '64', 'lots') }),
  fc.record({ 'retry-after': fc.constantFrom('0', '1', '5', 'soon') }),
  fc.record({
    'ratelimit-remaining': fc.constantFrom('0', '4'),
    'ratelimit-reset': fc.constantFrom('0', '2'),
  }),
);

type Step =
  | { readonly type: 'send'; readonly afterMs: number }
  | {
      readonly type: 'response';
      readonly afterMs: number;
      readonly status: number;
      readonly headers: Record<string, string>;
    };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ type: fc.constant('send' as const), afterMs: gap() }) },
    {
      weight: 1,
      arbitrary: fc.record({
        type: fc.constant('response' as const),
        afterMs: gap(),
        status: fc.constantFrom(200, 200, 404, 429, 503),
        headers,
      }),
    },
  ),
  { minLength: 1, maxLength: 120 },
);

function gap(): fc.Arbitrary<number> {
  return fc.oneof(
    fc.constant(0),
    fc.double({ min: 0, max: 30, noNaN: true }),
    fc.double({ min: 0, max: 3_000, noNaN: true }),
  );
}

interface Trace {
  /** Requests that time has allowed until a moment, by the rates in force: the integral. */
  readonly sends: readonly { readonly at: number; readonly allowed: number }[];
  readonly largestBurst: number;
}

function play(start: PaceState, script: readonly Step[]): Trace {
  let state = start;
  let now = start.raisedAt;
  let allowed = 0;
  let largestBurst = effectiveBurst(state);
  const sends: { at: number; allowed: number }[] = [];
  for (const step of script) {
    now += step.afterMs;
    allowed += (step.afterMs * state.ratePerSecond) / 1_000;
    if (step.type === 'response') {
      if (state.inFlight > 0) state = release(state);
      state = feedback(state, step, now, WALL + now);
      largestBurst = Math.max(largestBurst, effectiveBurst(state));
      continue;
    }
    const verdict = admit([{ key: 'key', state }], now);
    if (verdict.verdict === 'wait') {
      if (verdict.until !== null) expect(verdict.until).toBeGreaterThan(now);
      continue;
    }
    state = verdict.states[0]?.state ?? state;
    expect(state.inFlight).toBeLessThanOrEqual(state.concurrency);
    sends.push({ at: now, allowed });
  }
  return { sends, largestBurst };
}

function expectNoWindowAbove({ sends, largestBurst }: Trace): void {
  sends.forEach((first, from) => {
    sends.slice(from).forEach((last, width) => {
      const bound = last.allowed - first.allowed + largestBurst;
      expect(width + 1).toBeLessThanOrEqual(bound + 1e-6);
    });
  });
}

test('no stretch of time sees more requests than its rates add up to, plus one burst', () => {
  fc.assert(
    fc.property(settings, steps, (given, script) => {
      expectNoWindowAbove(play(createPace(given, 0), script));
    }),
    { numRuns: 300 },
  );
});

test('a key that is loaded again holds the same bound, counted from before it was saved', () => {
  fc.assert(
    fc.property(settings, steps, (given, script) => {
      const saved = savePace(createPace(given, 0), { now: 0, wallNow: WALL });
      const loaded = restorePace(saved, given, { now: 500, wallNow: WALL + 500 });
      // Its burst is spent: the first request has to be earned.
      expect(admit([{ key: 'key', state: loaded }], 500).verdict).toBe('wait');
      expectNoWindowAbove(play({ ...loaded, raisedAt: 500 }, script));
    }),
    { numRuns: 100 },
  );
});

test('the rate never leaves the bounds that the operator set', () => {
  fc.assert(
    fc.property(settings, steps, (given, script) => {
      let state = createPace(given, 0);
      let now = 0;
      for (const step of script) {
        now += step.afterMs;
        if (step.type === 'send') continue;
        state = feedback(state, step, now, WALL + now);
        const ceiling =
          given.configured && !given.allowRaise
            ? given.ratePerSecond
            : Math.max(given.maxPerSecond, given.ratePerSecond);
        expect(state.ratePerSecond).toBeLessThanOrEqual(ceiling + 1e-9);
        expect(state.ratePerSecond).toBeGreaterThanOrEqual(
          Math.min(given.floorPerSecond, given.ratePerSecond) - 1e-9,
        );
        expect(state.concurrency).toBeGreaterThanOrEqual(1);
      }
    }),
  );
});

test('of several keys all pay for a request or none does', () => {
  fc.assert(
    fc.property(
      fc.array(settings, { minLength: 1, maxLength: 5 }),
      fc.array(gap(), { minLength: 1, maxLength: 60 }),
      (given, gaps) => {
        let keys: readonly KeyedPace[] = given.map((one, index) => ({
          key: `key ${index}`,
          state: createPace(one, 0),
        }));
        let now = 0;
        let sent = 0;
        for (const ms of gaps) {
          now += ms;
          const before = keys;
          const verdict = admit(keys, now);
          if (verdict.verdict === 'go') {
            keys = verdict.states;
            sent += 1;
          } else {
            expect(before.map(({ key }) => key)).toContain(verdict.key);
          }
          for (const { state } of keys) expect(state.inFlight).toBe(sent);
        }
      },
    ),
  );
});

test('asking again at the moment that was named is never in vain', () => {
  fc.assert(
    fc.property(settings, fc.integer({ min: 1, max: 40 }), (given, count) => {
      let state = createPace({ ...given, concurrency: count }, 0);
      let now = 0;
      for (let sent = 0; sent < count; ) {
        const verdict = admit([{ key: 'key', state }], now);
        if (verdict.verdict === 'go') {
          state = verdict.states[0]?.state ?? state;
          sent += 1;
          continue;
        }
        expect(verdict.reason).toBe('rate');
        expect(verdict.until).not.toBeNull();
        now = verdict.until ?? now;
        expect(admit([{ key: 'key', state }], now).verdict).toBe('go');
      }
    }),
  );
});

test('the defaults are two a second, one at a time off the line, sixteen under way', () => {
  let state = createPace(DEFAULT_PACE, 0);
  const go = admit([{ key: 'key', state }], 0);
  expect(go.verdict).toBe('go');
  state = go.verdict === 'go' ? (go.states[0]?.state ?? state) : state;
  expect(admit([{ key: 'key', state }], 0)).toEqual({
    verdict: 'wait',
    key: 'key',
    reason: 'rate',
    until: expect.closeTo(495 / 0.985, 6),
  });
  expect(admit([{ key: 'key', state: { ...state, inFlight: 16 } }], 500)).toEqual({
    verdict: 'wait',
    key: 'key',
    reason: 'concurrency',
    until: null,
  });
});
