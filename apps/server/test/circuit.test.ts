// Destinations that are down, last moments to start and second calls, on the test's clock.

import { DEFAULT_CIRCUIT, type Id, type JobSpec, type PathSpec } from '@ezthrottle/engine';
import { newPath, ORGANIZATION, ORIGIN } from '@ezthrottle/testkit/store-data';
import { afterEach, describe, expect, test } from 'vitest';
import {
  type DispatchHarness,
  type HarnessOptions,
  openDispatchHarness,
} from './dispatch-harness.ts';

const FAST = { ratePerSecond: 20, concurrency: 32, configured: true };
const NO_RETRY = { ...newPath().retry, maxRetries: 0, maxReroutes: 0 };

let harness: DispatchHarness;

async function open(options: HarnessOptions): Promise<void> {
  harness = await openDispatchHarness({ pace: FAST, ...options });
}

afterEach(async () => {
  const { logged } = harness;
  await harness[Symbol.asyncDispose]();
  if (logged.length > 0) throw new Error(`the dispatcher complained: ${logged[0]}`);
});

function job(path: Partial<PathSpec> = {}, more: Partial<JobSpec> = {}): Partial<JobSpec> {
  return { paths: [newPath({ url: `${ORIGIN}/x`, ...path })], ...more };
}

async function stateOf(id: Id): Promise<string | undefined> {
  return (await harness.store.jobs.get(ORGANIZATION.id, id))?.state;
}

describe('a destination that is down', () => {
  test('holds its jobs without using up their attempts, is tried by one call, and comes back slowly', async () => {
    await open({ circuit: DEFAULT_CIRCUIT });
    harness.watched = () => true;
    let isDown = true;
    harness.executor.script = () => (isDown ? { status: 502 } : {});
    await Promise.all(Array.from({ length: 100 }, () => harness.submit(job({ retry: NO_RETRY }))));
    await harness.run(1_500);
    const failed = harness.executor.sent.length;
    // Five failures over at least a second, at twenty a second.
    expect(failed).toBeGreaterThanOrEqual(20);
    expect(failed).toBeLessThanOrEqual(24);
    await harness.run(4_000, 20);
    expect(harness.executor.sent).toHaveLength(failed);
    expect((await harness.store.jobs.counts()).failed).toBe(failed);
    expect(harness.dispatcher.stateOf(ORGANIZATION.id, ORIGIN)?.circuit.state).toBe('open');
    // The first probe fails: one call more, and twice the wait.
    await harness.run(3_000, 20);
    expect(harness.executor.sent).toHaveLength(failed + 1);
    isDown = false;
    await harness.runUntil(() => harness.executor.sent.length > failed + 1, 12_000, 20);
    const probed = harness.executor.sent.length;
    expect(probed).toBeGreaterThan(failed + 1);
    await harness.run(1_000, 20);
    // About a tenth of the rate at first.
    expect(harness.executor.sent.length - probed).toBeLessThan(8);
    await harness.runUntil(
      async () => (await harness.store.jobs.counts()).completed === 100 - failed - 1,
    );
    expect(harness.notices).toContainEqual(
      expect.objectContaining({ type: 'waiting', reason: 'circuit', key: ORIGIN }),
    );
  });

  test('is still taken for down after a crash, and tried by one call', async () => {
    await open({ circuit: DEFAULT_CIRCUIT });
    harness.executor.script = () => ({ status: 504 });
    await Promise.all(Array.from({ length: 60 }, () => harness.submit(job({ retry: NO_RETRY }))));
    await harness.run(5_000, 20);
    await harness.restart();
    harness.executor.script = () => ({ afterMs: 300 });
    await harness.run(1_000, 20);
    expect(harness.executor.sent.length).toBeLessThanOrEqual(1);
    await harness.runUntil(() => harness.executor.sent.length >= 1, 8_000, 20);
    await harness.run(200, 20);
    expect(harness.executor.sent).toHaveLength(1);
    await harness.run(5_000, 20);
    expect(harness.executor.sent.length).toBeGreaterThan(5);
  });

  test('holds jobs that name limits as well', async () => {
    await open({ circuit: DEFAULT_CIRCUIT, named: { roomy: { rate: 1_000 } } });
    harness.executor.script = () => ({ outcome: { kind: 'timeout', message: 'late' } });
    const limited = job({ retry: NO_RETRY, limits: [{ key: 'roomy', cost: 1 }] });
    await Promise.all(Array.from({ length: 60 }, () => harness.submit(limited)));
    await harness.run(1_500);
    const failed = harness.executor.sent.length;
    expect(failed).toBeLessThanOrEqual(24);
    await harness.run(4_000, 20);
    expect(harness.executor.sent).toHaveLength(failed);
    harness.executor.script = () => ({});
    await harness.runUntil(
      async () => (await harness.store.jobs.counts()).completed === 60 - failed,
    );
  });
});

describe('a job with a last moment to start', () => {
  test('is not sent after it, although its attempt was ready to go', async () => {
    await open({ pace: { ratePerSecond: 1, configured: true } });
    await harness.submit(job());
    const executeBefore = harness.clock.now() + 500;
    const late = await harness.submit(job({}, { executeBefore }));
    await harness.runUntil(async () => (await stateOf(late)) === 'failed', 700);
    await harness.run(2_000, 20);
    expect(harness.executor.sent).toHaveLength(1);
  });

  test('ends when it is over, although it waits for a limit', async () => {
    await open({ named: { held: { rate: 1, paused: true } } });
    const executeBefore = harness.clock.now() + 500;
    const late = await harness.submit(
      job({ limits: [{ key: 'held', cost: 1 }] }, { executeBefore }),
    );
    await harness.runUntil(async () => (await stateOf(late)) === 'failed', 700);
    expect(harness.executor.sent).toHaveLength(0);
  });
});

describe('a second call', () => {
  const hedge = { kind: 'after' as const, afterMs: 100, budgetPercent: 100 };

  test('beside one that is slow wins, and the slow one is aborted; both are paid for', async () => {
    await open({});
    let calls = 0;
    harness.executor.script = () => {
      calls += 1;
      return calls === 1 ? { afterMs: 'never' } : { afterMs: 10 };
    };
    const id = await harness.submit(job({ hedge }));
    await harness.runUntil(async () => (await stateOf(id)) === 'completed', 1_000);
    await harness.run(50);
    expect(harness.executor.sent.map(({ call }) => call.headers['X-EZThrottle-Attempt'])).toEqual([
      '1',
      '2',
    ]);
    expect(harness.executor.aborted).toEqual([harness.executor.sent[0]?.call.token]);
    expect((harness.executor.sent[1]?.at ?? 0) - (harness.executor.sent[0]?.at ?? 0)).toBeCloseTo(
      100,
      -1,
    );
  });

  test('is not made when the answer came in time', async () => {
    await open({});
    harness.executor.script = () => ({ afterMs: 50 });
    const id = await harness.submit(job({ hedge }));
    await harness.run(500);
    expect(await stateOf(id)).toBe('completed');
    expect(harness.executor.sent).toHaveLength(1);
  });

  test('comes after the time that most answers take, and within its budget', async () => {
    await open({ pace: { ratePerSecond: 100, concurrency: 64, configured: true } });
    let calls = 0;
    harness.executor.script = () => {
      calls += 1;
      return { afterMs: calls > 60 && calls % 2 === 0 ? 2_000 : 20 };
    };
    const percentile = { kind: 'percentile' as const, percentile: 95, budgetPercent: 10 };
    const submitted = Array.from({ length: 160 }, () => harness.submit(job({ hedge: percentile })));
    await Promise.all(submitted);
    await harness.runUntil(
      async () => (await harness.store.jobs.counts()).completed === 160,
      10_000,
    );
    const second = harness.executor.sent.length - 160;
    expect(second).toBeGreaterThan(5);
    // Five, and ten in a hundred of all calls.
    expect(second).toBeLessThanOrEqual(23);
  });
});
