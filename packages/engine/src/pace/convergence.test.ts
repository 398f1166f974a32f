import { describe, expect, test } from 'vitest';
import { admit, release } from './admission.ts';
import { ArrivalLog } from './arrival-log.ts';
import { feedback } from './feedback.ts';
import { DEFAULT_PACE, type PaceSettings } from './pace-settings.ts';
import { createPace, type PaceState } from './pace-state.ts';

interface Phase {
  readonly perSecond: number;
  readonly forMs: number;
}

interface Call {
  readonly sentAt: number;
  readonly answeredAt: number;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

interface Target {
  /** What it says beside its status. */
  readonly headers: (
    perSecond: number,
    isRefused: boolean,
    remaining: number,
  ) => Record<string, string>;
  readonly latencyMs: number;
}

/** A target that counts strictly: so many calls in any second. */
function strict(phases: readonly Phase[], { headers, latencyMs }: Target) {
  const taken: number[] = [];
  return (sentAt: number): Call => {
    let at = 0;
    const phase =
      phases.find(({ forMs }) => {
        at += forMs;
        return sentAt < at;
      }) ?? phases.at(-1);
    const perSecond = phase?.perSecond ?? 1;
    while ((taken[0] ?? Number.POSITIVE_INFINITY) <= sentAt - 1_000) taken.shift();
    const isRefused = taken.length >= perSecond;
    if (!isRefused) taken.push(sentAt);
    const status = isRefused ? 429 : 200;
    const said = headers(perSecond, isRefused, Math.max(0, perSecond - taken.length));
    return { sentAt, answeredAt: sentAt + latencyMs, status, headers: said };
  };
}

/** A backlog without end against this target. */
function play(phases: readonly Phase[], target: Target, settings: Partial<PaceSettings>): Call[] {
  const call = strict(phases, target);
  const end = phases.reduce((sum, { forMs }) => sum + forMs, 0);
  const calls: Call[] = [];
  let state: PaceState = createPace({ ...DEFAULT_PACE, concurrency: 1_000, ...settings }, 0);
  // As the dispatcher does: a strict target counts what it heard in its window.
  const arrivals = new ArrivalLog();
  let answered = 0;
  for (let now = 0; now < end; ) {
    const verdict = admit([{ key: 'target', state }], now);
    const answer = calls[answered];
    const free = arrivals.freeAt(state) ?? now;
    if (verdict.verdict === 'go' && free <= now) {
      state = verdict.states[0]?.state ?? state;
      arrivals.answered(arrivals.sent(now, state), now + target.latencyMs);
      calls.push(call(now));
      continue;
    }
    const until = verdict.verdict === 'go' ? free : (verdict.until ?? end);
    const next = Math.min(until, answer?.answeredAt ?? end);
    now = Math.max(now, next);
    if (answer !== undefined && answer.answeredAt <= now) {
      answered += 1;
      state = feedback(release(state), answer, now, 1e12 + now);
    }
  }
  return calls;
}

interface Score {
  readonly used: number;
  readonly refused: number;
}

function score(calls: readonly Call[], from: number, to: number, perSecond: number): Score {
  const seen = calls.filter(({ sentAt }) => sentAt >= from && sentAt < to);
  const accepted = seen.filter(({ status }) => status === 200).length;
  return {
    used: accepted / ((perSecond * (to - from)) / 1_000),
    refused: (seen.length - accepted) / seen.length,
  };
}

function phases(rates: readonly number[], forMs: number): readonly Phase[] {
  return rates.map((perSecond) => ({ perSecond, forMs }));
}

describe('a target that says nothing but 429, with limits that double and halve every minute', () => {
  const silent: Target = { headers: () => ({}), latencyMs: 30 };
  const steps = [100, 200, 400, 200, 100, 150, 300, 150];

  test.each([10, 30, 100])(
    'and answers after %d ms: nine tenths are used, two in a hundred refused',
    (latencyMs) => {
      const settings = { ratePerSecond: 1_000, configured: true };
      const calls = play(phases(steps, 60_000), { ...silent, latencyMs }, settings);
      steps.forEach((perSecond, index) => {
        const end = (index + 1) * 60_000;
        const { used, refused } = score(calls, end - 5_000, end, perSecond);
        expect([perSecond, used]).toEqual([
          perSecond,
          expect.toSatisfy((share: number) => share >= 0.9),
        ]);
        expect([perSecond, refused]).toEqual([
          perSecond,
          expect.toSatisfy((share: number) => share <= 0.02),
        ]);
      });
    },
  );

  test('is not asked again and again when it names a second of patience each time', () => {
    const patient: Target = {
      headers: (_, isRefused): Record<string, string> => (isRefused ? { 'retry-after': '1' } : {}),
      latencyMs: 30,
    };
    const calls = play(phases([50], 60_000), patient, { ratePerSecond: 200, configured: true });
    const { refused } = score(calls, 30_000, 60_000, 50);
    expect(refused).toBeLessThan(0.05);
  });
});

describe('a target that tells its limit and changes it every ten seconds', () => {
  const rates = [100, 20, 200, 50, 400, 10, 100];
  const dialects: Record<string, Target['headers']> = {
    'X-EZThrottle-Rps': (perSecond) => ({ 'x-ezthrottle-rps': String(perSecond) }),
    'RateLimit-Policy': (perSecond, _, remaining) => ({
      'ratelimit-policy': `"default";q=${perSecond};w=1`,
      ratelimit: `"default";r=${remaining};t=1`,
    }),
    'the older RateLimit fields': (perSecond, _, remaining) => ({
      'ratelimit-limit': `${perSecond}, ${perSecond};w=1`,
      'ratelimit-remaining': String(remaining),
      'ratelimit-reset': '1',
    }),
  };

  test.each(Object.keys(dialects))(
    'by %s is used to 95 % and refuses 1 % after a round trip',
    (name) => {
      const headers = dialects[name] ?? (() => ({}));
      const latencyMs = 20;
      const calls = play(phases(rates, 10_000), { headers, latencyMs }, { maxPerSecond: 1_000 });
      rates.forEach((perSecond, index) => {
        const changedAt = index * 10_000;
        const end = changedAt + 10_000;
        // Where it first has to be heard: two calls a second are all that an unknown target gets.
        const heardAt = changedAt + (index === 0 ? 500 : (2 * 1_000) / (rates[index - 1] ?? 1));
        const { refused } = score(calls, heardAt + latencyMs, end, perSecond);
        expect([perSecond, refused]).toEqual([
          perSecond,
          expect.toSatisfy((share: number) => share <= 0.01),
        ]);
        // For a second a strict target still counts the calls of the phase before.
        const { used } = score(
          calls,
          Math.max(heardAt + latencyMs, changedAt + 1_000),
          end,
          perSecond,
        );
        expect([perSecond, used]).toEqual([
          perSecond,
          expect.toSatisfy((share: number) => share >= 0.95),
        ]);
      });
    },
  );
});
