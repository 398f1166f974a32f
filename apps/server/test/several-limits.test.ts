// Jobs that count against limits beside their destination, on the test's clock.

import type { Id, JobSpec, LimitSpec } from '@ezthrottle/engine';
import { newPath, ORGANIZATION } from '@ezthrottle/testkit/store-data';
import { afterEach, describe, expect, test } from 'vitest';
import {
  type DispatchHarness,
  type HarnessOptions,
  openDispatchHarness,
} from './dispatch-harness.ts';

const FAST = { ratePerSecond: 1_000, concurrency: 64, configured: true };

let harness: DispatchHarness;

async function open(options: HarnessOptions): Promise<DispatchHarness> {
  harness = await openDispatchHarness(options);
  return harness;
}

afterEach(async () => {
  const { logged } = harness;
  await harness[Symbol.asyncDispose]();
  if (logged.length > 0) throw new Error(`the dispatcher complained: ${logged[0]}`);
});

function job(
  path: string,
  limits: readonly (string | LimitSpec)[],
  origin = 'https://a.test',
): Partial<JobSpec> {
  const named = limits.map((limit) =>
    typeof limit === 'string' ? { key: limit, cost: 1 } : limit,
  );
  return {
    paths: [
      newPath({ url: `${origin}/${path}`, origin, ...(named.length > 0 && { limits: named }) }),
    ],
  };
}

function submitAll(count: number, spec: Partial<JobSpec>): Promise<readonly Id[]> {
  return Promise.all(Array.from({ length: count }, () => harness.submit(spec)));
}

/** When calls of this path left, in milliseconds since the first of all calls may have. */
function sentTo(path: string): readonly number[] {
  return harness.executor.sent
    .filter(({ call }) => call.url.endsWith(`/${path}`))
    .map(({ at }) => at);
}

/** The most costs of calls within any window of this length. */
function mostWithin(times: readonly number[], windowMs: number): number {
  return Math.max(
    ...times.map((from) => times.filter((at) => at >= from && at < from + windowMs).length),
  );
}

async function completed(): Promise<number> {
  return (await harness.store.jobs.counts()).completed;
}

describe('jobs that name limits', () => {
  test('keep to a limit that several destinations share', async () => {
    await open({ pace: FAST, named: { shared: { rate: 10 } } });
    await submitAll(20, job('a', ['shared'], 'https://a.test'));
    await submitAll(20, job('b', ['shared'], 'https://b.test'));
    await harness.runUntil(async () => (await completed()) === 40);
    const times = [...sentTo('a'), ...sentTo('b')].toSorted((first, second) => first - second);
    expect(mostWithin(times, 1_000)).toBeLessThanOrEqual(11);
    expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeLessThan(39 * 102 + 50);
    // Both have their turns.
    const half = times[20] ?? 0;
    expect(sentTo('a').filter((at) => at < half).length).toBeGreaterThan(7);
    expect(sentTo('b').filter((at) => at < half).length).toBeGreaterThan(7);
  });

  test('start only when all of their limits let them, and take nothing from any until then', async () => {
    await open({ pace: FAST, named: { fast: { rate: 100 }, slow: { rate: 2 } } });
    await submitAll(6, job('both', ['fast', 'slow']));
    await submitAll(100, job('fast', ['fast']));
    await harness.run(2_000);
    expect(sentTo('both').length).toBeLessThanOrEqual(5);
    expect(sentTo('both').length).toBeGreaterThanOrEqual(4);
    expect(sentTo('fast')).toHaveLength(100);
    expect(mostWithin([...sentTo('fast'), ...sentTo('both')], 500)).toBeLessThanOrEqual(52);
  });

  test('hold back nobody who does not name their used-up limit, at the same destination too', async () => {
    await open({
      pace: { ratePerSecond: 50, concurrency: 64, configured: true },
      named: { empty: { rate: 1, per_ms: 60_000 }, roomy: { rate: 1_000 } },
    });
    await submitAll(10, job('stuck', ['empty']));
    await submitAll(50, job('plain', []));
    await submitAll(50, job('roomy', ['roomy']));
    await harness.run(2_200);
    expect(sentTo('stuck')).toHaveLength(1);
    expect([sentTo('plain').length, sentTo('roomy').length]).toEqual([50, 50]);
    expect(mostWithin([...sentTo('plain'), ...sentTo('roomy')], 1_000)).toBeLessThanOrEqual(52);
    // Those without limits and those with take turns at their destination.
    expect(sentTo('roomy').filter((at) => at < 1_000).length).toBeGreaterThan(15);
    expect(sentTo('plain').filter((at) => at < 1_000).length).toBeGreaterThan(15);
  });

  test('that cost much start among endless small ones within the time that their cost is earned', async () => {
    await open({ pace: FAST, named: { tokens: { rate: 100, burst: 50 } } });
    await submitAll(300, job('small', [{ key: 'tokens', cost: 2 }]));
    await harness.run(500);
    await harness.submit({ ...job('large', [{ key: 'tokens', cost: 50 }]), userId: 'other' });
    const from = harness.clock.monotonic();
    await harness.runUntil(() => sentTo('large').length === 1, 5_000);
    // Its turn comes at once, then it is earned: 50 ÷ 98.5 a second.
    expect(harness.clock.monotonic() - from).toBeLessThan(700);
  });

  test('keep to a number of calls at the same time over all destinations', async () => {
    await open({ pace: FAST, named: { slots: { concurrency: 3 } } });
    harness.executor.script = () => ({ afterMs: 50 });
    await submitAll(8, job('a', ['slots'], 'https://a.test'));
    await submitAll(8, job('b', ['slots'], 'https://b.test'));
    await harness.runUntil(async () => (await completed()) === 16);
    expect(harness.executor.mostAtOnce).toBe(3);
  });

  test('follow a limit that is changed, stopped, let go and taken away while they wait', async () => {
    await open({ pace: FAST, named: { edited: { rate: 1 } } });
    await submitAll(60, job('x', ['edited']));
    await harness.run(1_500);
    expect(sentTo('x')).toHaveLength(2);
    harness.setLimit('edited', { rate: 20 });
    await harness.run(1_000);
    const faster = sentTo('x').length;
    expect(faster).toBeGreaterThanOrEqual(20);
    expect(faster).toBeLessThanOrEqual(23);
    harness.setLimit('edited', { rate: 20, paused: true });
    await harness.run(2_000);
    expect(sentTo('x')).toHaveLength(faster);
    harness.setLimit('edited', { rate: 20 });
    await harness.run(500);
    expect(sentTo('x').length).toBeGreaterThan(faster + 7);
    harness.setLimit('edited', null);
    await harness.run(100);
    expect(sentTo('x')).toHaveLength(60);
  });

  test('may be cancelled while they wait for a limit', async () => {
    await open({ pace: FAST, named: { held: { rate: 1, paused: true } } });
    const [first, second] = await submitAll(2, job('x', ['held']));
    await harness.run(50);
    expect(await harness.dispatcher.cancel(ORGANIZATION.id, first ?? '')).toBe('cancelled');
    harness.setLimit('held', { rate: 100 });
    await harness.run(200);
    expect(sentTo('x')).toHaveLength(1);
    expect((await harness.store.jobs.get(ORGANIZATION.id, second ?? ''))?.state).toBe('completed');
  });

  test('tell those who watch which limit they wait for', async () => {
    await open({ pace: FAST, named: { scarce: { rate: 1, per_ms: 60_000 } } });
    harness.watched = () => true;
    await submitAll(2, job('x', ['scarce']));
    await harness.run(1_000, 20);
    expect(harness.notices).toContainEqual(
      expect.objectContaining({ type: 'waiting', key: 'scarce', reason: 'rate' }),
    );
  });

  test('find their limit spent after a crash, so that no window holds more than its bound', async () => {
    const options = { pace: FAST, named: { slow: { rate: 2, burst: 4 } } };
    await open(options);
    await submitAll(40, job('x', ['slow']));
    await harness.run(4_000, 20);
    const before = harness.executor.sent.map(({ at }) => at);
    const { sent: old } = harness.executor;
    expect(old.length).toBeGreaterThanOrEqual(10);
    await harness.restart();
    await harness.run(6_000, 20);
    const all = [...before, ...harness.executor.sent.map(({ at }) => at)];
    // 2 a second and a burst of 4, in any window.
    for (const windowMs of [500, 1_000, 3_000, 6_000]) {
      expect(mostWithin(all, windowMs)).toBeLessThanOrEqual((windowMs / 1_000) * 2 + 4 + 1e-9);
    }
    expect(harness.executor.sent.length).toBeGreaterThan(6);
  });

  test('come from the store when memory has room for few', async () => {
    await open({
      pace: FAST,
      named: { wide: { rate: 1_000 } },
      limits: { windowPerAccount: 4, cacheBytes: 0 },
    });
    await submitAll(200, job('x', ['wide']));
    await submitAll(50, job('plain', []));
    await harness.runUntil(async () => (await completed()) === 250);
    expect(harness.executor.sent).toHaveLength(250);
    expect(harness.dispatcher.counts()).toEqual({ inFlight: 0, activeJobs: 0 });
  });
});

describe('a cost that the answer tells', () => {
  test('is charged when it was more, and given back when it was less than said', async () => {
    await open({
      pace: FAST,
      named: { tokens: { rate: 100, burst: 100, settle_header: 'X-Cost' } },
    });
    let cost = '10';
    harness.executor.script = () => ({ headers: { 'x-cost': cost } });
    await submitAll(40, job('cheap', [{ key: 'tokens', cost: 50 }]));
    await harness.run(1_000);
    // Of 50 said 10 were used: 100 + 100 a second make about 20 calls, not four.
    expect(sentTo('cheap').length).toBeGreaterThan(14);
    cost = '100';
    const before = sentTo('cheap').length;
    await harness.run(6_000);
    // Now each uses a second's worth.
    expect(sentTo('cheap').length - before).toBeLessThanOrEqual(8);
    expect(sentTo('cheap').length - before).toBeGreaterThanOrEqual(5);
  });
});
