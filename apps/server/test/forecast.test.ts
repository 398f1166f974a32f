// What `explain` foretells, held against what the same dispatcher then does, on a clock that is moved by hand.

import type { Id, JobSpec, PathSpec } from '@ezthrottle/engine';
import { lineOf, PACE_LAW, partOfAccount, rank } from '@ezthrottle/engine';
import { API_KEY, newSpec, ORGANIZATION } from '@ezthrottle/testkit/store-data';
import { describe, expect, test } from 'vitest';
import { openDispatchHarness, SECOND_API_KEY } from './dispatch-harness.ts';
import type { DispatchHarness } from './dispatch-harness.ts';

interface Waiting {
  readonly id: Id;
  readonly url: string;
  readonly apiKey: Id;
  readonly spec: JobSpec;
  readonly at: number;
}

const [PATH] = newSpec({}).paths;

function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

async function submitMany(
  harness: DispatchHarness,
  count: number,
  specOf: (n: number) => { readonly path: Partial<PathSpec>; readonly more?: Partial<JobSpec> },
): Promise<readonly Waiting[]> {
  const jobs: Waiting[] = [];
  for (let n = 0; n < count; n += 1) {
    const { path, more = {} } = specOf(n);
    const url = `https://a.example/${n}`;
    const apiKey = n % 3 === 0 ? SECOND_API_KEY.id : API_KEY.id;
    const spec = newSpec({
      ...more,
      paths: [{ ...PATH, url, origin: 'https://a.example', ...path }],
    });
    const at = harness.clock.now();
    const id = await harness.submit(spec, { apiKey });
    jobs.push({ id, url, apiKey, spec, at });
  }
  return jobs;
}

/** Errors of what was foretold for those that had not been sent: 1 is a tenth of the wait, or an interval. */
async function errors(
  harness: DispatchHarness,
  jobs: readonly Waiting[],
  perSecond: number,
): Promise<readonly number[]> {
  const { clock, dispatcher, executor } = harness;
  const intervalMs = 1_000 / (perSecond * (1 - PACE_LAW.headroom));
  const wasSent = new Set(executor.sent.map(({ call }) => call.url));
  const askedAt = clock.monotonic();
  const told = new Map<string, number>();
  for (const { id, url, apiKey, spec, at } of jobs) {
    if (wasSent.has(url)) continue;
    const [path] = spec.paths;
    const answer = await dispatcher.forecast({
      organization: ORGANIZATION.id,
      jobId: id,
      leg: 0,
      line: lineOf(path),
      apiKey,
      userId: spec.userId,
      rank: rank(spec.priority, at),
      readyAt: at,
    });
    expect(answer.isWhole).toBe(true);
    expect(answer.startsAt).not.toBeNull();
    told.set(url, answer.startsAt ?? 0);
  }
  await harness.runUntil(() => executor.sent.length === jobs.length, 600_000, 50);
  return executor.sent.flatMap(({ call, at }) => {
    const foretold = told.get(call.url);
    if (foretold === undefined) return [];
    const tenth = (at - askedAt) / 10;
    return [Math.abs(at - foretold) / Math.max(tenth, intervalMs)];
  });
}

function shareWithin(all: readonly number[]): number {
  return all.filter((error) => error <= 1).length / all.length;
}

describe('what is foretold of jobs that wait', () => {
  test('starts come when they were foretold, accounts and priorities as they are', async () => {
    await using harness = await openDispatchHarness({ pace: { ratePerSecond: 5 } });
    const random = chance(1);
    harness.executor.script = () => ({ afterMs: 20 + Math.floor(random() * 60) });
    const jobs = await submitMany(harness, 160, (n) => ({
      path: {},
      more: { userId: `user ${n % 7}`, priority: Math.floor(random() * 5) },
    }));
    await harness.run(4_000, 50);
    const all = await errors(harness, jobs, 5);
    expect(all.length).toBeGreaterThan(120);
    expect(shareWithin(all)).toBeGreaterThanOrEqual(0.95);
  }, 60_000);

  test('starts of calls that slots hold back are foretold by how long calls usually take', async () => {
    const pace = { ratePerSecond: 100, concurrency: 3 };
    await using harness = await openDispatchHarness({ pace });
    const random = chance(2);
    harness.executor.script = () => ({ afterMs: 250 + Math.floor(random() * 100) });
    const jobs = await submitMany(harness, 150, () => ({ path: {} }));
    await harness.run(3_000, 50);
    const all = await errors(harness, jobs, 10);
    expect(shareWithin(all)).toBeGreaterThanOrEqual(0.95);
  }, 60_000);

  test('starts of calls that share limits are foretold over all of their lines', async () => {
    const named = { tokens: { rate: 100, burst: 20 }, slow: { rate: 3 } };
    await using harness = await openDispatchHarness({ pace: { ratePerSecond: 20 }, named });
    const random = chance(3);
    harness.executor.script = () => ({ afterMs: 30 });
    const jobs = await submitMany(harness, 150, (n) => {
      const kinds = [
        [],
        [{ key: 'tokens', cost: 5 + Math.floor(random() * 15) }],
        [{ key: 'slow', cost: 1 }],
      ];
      const limits = kinds[n % 3] ?? [];
      return {
        path: limits.length === 0 ? {} : { limits },
        more: { userId: `user ${n % 4}` },
      };
    });
    await harness.run(1_000, 50);
    const all = await errors(harness, jobs, 3);
    expect(shareWithin(all)).toBeGreaterThanOrEqual(0.95);
  }, 60_000);

  test('starts of calls of a divided destination are foretold over all parts that are at home', async () => {
    await using harness = await openDispatchHarness({ pace: { ratePerSecond: 5 }, parts: 4 });
    const random = chance(4);
    harness.executor.script = () => ({ afterMs: 20 + Math.floor(random() * 60) });
    const jobs = await submitMany(harness, 150, (n) => ({
      path: {},
      more: { userId: `user ${n % 9}`, priority: Math.floor(random() * 5) },
    }));
    const placed = jobs.map((job) => {
      const [path] = job.spec.paths;
      const part = partOfAccount({ apiKey: job.apiKey, userId: job.spec.userId }, 4);
      return { ...job, spec: newSpec({ ...job.spec, paths: [{ ...path, part }] }) };
    });
    expect(new Set(placed.map(({ spec }) => spec.paths[0].part)).size).toBe(4);
    await harness.run(4_000, 50);
    const all = await errors(harness, placed, 5);
    expect(all.length).toBeGreaterThan(110);
    expect(shareWithin(all)).toBeGreaterThanOrEqual(0.95);
  }, 60_000);

  test('what memory does not hold is foretold, too', async () => {
    const limits = { windowPerAccount: 8 };
    await using harness = await openDispatchHarness({ pace: { ratePerSecond: 10 }, limits });
    harness.executor.script = () => ({ afterMs: 10 });
    const jobs = await submitMany(harness, 100, () => ({ path: {} }));
    const all = await errors(harness, jobs, 10);
    expect(shareWithin(all)).toBeGreaterThanOrEqual(0.95);
  }, 60_000);
});
