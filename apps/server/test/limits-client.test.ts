// client.limits against the server, over HTTP, with a target that is really called.

import { Step as SmallStep, SubmitClient } from '@ezthrottle/core/submit';
import {
  EZThrottle,
  isEZThrottleError,
  isNotFoundError,
  isValidationError,
  Step,
} from '@ezthrottle/core';
import { createUpstream, type Upstream } from '@ezthrottle/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningServer, startServer } from './running-server.ts';

let server: RunningServer;
let target: Upstream;
let client: EZThrottle;

beforeAll(async () => {
  target = await createUpstream({ body: { fine: true } });
  server = await startServer({ rate: [`${target.origin}=1000`] });
  client = new EZThrottle({ apiKey: server.apiKey, baseUrl: server.url });
});

afterAll(async () => {
  await client.close();
  await server.close();
  await target.close();
});

/** When calls of this path came, in milliseconds. */
function arrivals(path: string): readonly number[] {
  return target.requests.filter((one) => one.path === path).map(({ monotonicAt }) => monotonicAt);
}

async function submit(count: number, path: string): Promise<void> {
  const jobs = Array.from({ length: count }, (_, n) => ({
    url: target.url(path),
    idempotentKey: `${path} ${n}`,
  }));
  for (const answer of await client.submitJobs(jobs)) expect(answer.ok).toBe(true);
}

describe('a step', () => {
  test('counts against the limits that it names', async () => {
    await client.limits.put('steps', { rate: 1, burst: 3 });
    const step = (name: string) =>
      new Step(client)
        .url(target.url('/steps'))
        .limits([{ key: 'steps', cost: 3 }])
        .idempotentKey(name);
    const first = await step('steps 1').execute();
    expect(first.kind).toBe('submitted');
    await target.waitFor(() => arrivals('/steps').length === 1);
    const { state } = await client.limits.get('steps');
    expect(state?.tokens).toBeLessThan(1.5);
    const unknown = new Step(client).url(target.url('/steps')).limits(['unknown']);
    await expect(unknown.execute()).rejects.toMatchObject({ code: 'limits_unusable' });
  });

  test('of the client that only submits does so as well, and is not begun too late', async () => {
    await client.limits.put('brief', { rate: 1, concurrency: 1 });
    const small = new SubmitClient({ apiKey: server.apiKey, baseUrl: server.url });
    const step = new SmallStep(small)
      .url(target.url('/brief'))
      .limits(['brief'])
      .hedge({ afterMs: 10_000 });
    await step.idempotentKey('brief 1').execute();
    const late = await step
      .idempotentKey('brief 2')
      .executeBefore(Date.now() + 200)
      .execute();
    expect(await client.wait(late.job_id ?? '')).toMatchObject({ status: 'failed' });
    expect(arrivals('/brief')).toHaveLength(1);
    await small.close();
  });
});

describe('a destination with a limit', () => {
  test('is paced by it instead of the file’s rule, and by what it is changed to while jobs wait', async () => {
    const key = `destination:${target.origin}`;
    const made = await client.limits.put(key, { rate: 10 });
    expect(made).toMatchObject({ key, rate: 10, adaptive: true });
    await submit(120, '/paced');
    await target.waitFor(() => arrivals('/paced').length >= 8);
    const slow = arrivals('/paced').slice(0, 8);
    // Seven intervals of 100 ms, less what a busy machine brings together; the file would allow 14 ms.
    expect((slow.at(-1) ?? 0) - (slow[0] ?? 0)).toBeGreaterThan(400);
    const { state } = await client.limits.get(key);
    expect(state).toMatchObject({ rate: 10, paused_by: null });
    expect(state?.waiting).toBeGreaterThan(0);

    const changedAt = performance.now();
    const changed = await client.limits.update(key, { rate: 500 }, { ifVersion: made.version });
    await target.waitFor(() => arrivals('/paced').length === 120);
    // At ten a second it would have been eleven seconds.
    expect(performance.now() - changedAt).toBeLessThan(6_000);

    await client.limits.update(key, { rate: 5 });
    await submit(4, '/slow-again');
    await target.waitFor(() => arrivals('/slow-again').length === 4);
    const again = arrivals('/slow-again');
    expect((again.at(-1) ?? 0) - (again[0] ?? 0)).toBeGreaterThan(300);

    const late = client.limits.delete(key, { ifVersion: changed.version });
    await expect(late).rejects.toMatchObject({ code: 'precondition_failed', status: 412 });
    await client.limits.delete(key);
    const deletedAt = performance.now();
    await submit(60, '/as-in-the-file');
    await target.waitFor(() => arrivals('/as-in-the-file').length === 60);
    expect(performance.now() - deletedAt).toBeLessThan(6_000);
  });
});

describe('client.limits', () => {
  test('puts, shows, lists and deletes what the server knows', async () => {
    for (const key of ['x-c', 'x-a', 'x-b']) await client.limits.put(key, { rate: 1 });
    const keys: string[] = [];
    for await (const { key } of client.limits.list({ prefix: 'x-', limit: 2 })) keys.push(key);
    expect(keys).toEqual(['x-a', 'x-b', 'x-c']);
    const until = new Date(Date.now() + 60_000);
    const paused = await client.limits.update('x-a', { pausedUntil: until, burst: 4 });
    expect(paused).toMatchObject({ paused_until: until.getTime(), burst: 4 });
    expect(await client.limits.update('x-a', { burst: null })).toMatchObject({ burst: null });
    await client.limits.delete('x-a');
    await expect(client.limits.get('x-a')).rejects.toSatisfy(isNotFoundError);
  });

  test('tells everything that is wrong, and keeps what is there from being replaced', async () => {
    const wrong = client.limits.put('account:', { rate: -1, floor: 0 });
    const error: unknown = await wrong.catch((thrown: unknown) => thrown);
    if (!isValidationError(error)) throw new Error('not refused');
    expect(error.problems.map(({ path }) => path)).toEqual(['key', 'rate', 'floor']);
    await client.limits.put('first', { rate: 1 }, { ifAbsent: true });
    const second = client.limits.put('first', { rate: 2 }, { ifAbsent: true });
    await expect(second).rejects.toSatisfy(
      (thrown) => isEZThrottleError(thrown) && thrown.code === 'precondition_failed',
    );
  });
});
