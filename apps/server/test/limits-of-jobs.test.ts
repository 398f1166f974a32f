// Jobs that name limits, through the real client, the real server and a target that is really called.

import { EZThrottle, isValidationError } from '@ezthrottle/core';
import { createUpstream, type Upstream } from '@ezthrottle/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningServer, startServer } from './running-server.ts';

let server: RunningServer;
let target: Upstream;
let other: Upstream;
let client: EZThrottle;

beforeAll(async () => {
  target = await createUpstream({ body: { usage: { total_tokens: 5 } } });
  other = await createUpstream({});
  const rate = [target, other].map(({ origin }) => `${origin}=1000`);
  server = await startServer({ rate });
  client = new EZThrottle({ apiKey: server.apiKey, baseUrl: server.url });
});

afterAll(async () => {
  await client.close();
  await server.close();
  await target.close();
  await other.close();
});

/** When calls of this path came, in milliseconds, the earliest first. */
function arrivals(path: string): readonly number[] {
  return [...target.requests, ...other.requests]
    .filter((one) => one.path === path)
    .map(({ monotonicAt }) => monotonicAt)
    .toSorted((first, second) => first - second);
}

async function submit(
  count: number,
  url: string,
  limits: readonly (string | { readonly key: string; readonly cost: number })[],
  more: object = {},
): Promise<void> {
  const jobs = Array.from({ length: count }, (_, n) => ({
    url,
    limits,
    idempotentKey: `${url} ${n}`,
    ...more,
  }));
  for (const answer of await client.submitJobs(jobs)) {
    if (!answer.ok) throw answer.error;
    expect(answer.job.warnings ?? []).toEqual([]);
  }
}

function mostWithin(times: readonly number[], windowMs: number): number {
  return Math.max(
    0,
    ...times.map((from) => times.filter((at) => at >= from && at < from + windowMs).length),
  );
}

describe('jobs that name limits', () => {
  test('have no burst anew by a limit that is taken away and put again', async () => {
    const tight = { rate: 3, perMs: 600_000, burst: 3 };
    await client.limits.put('put-again', tight);
    await submit(3, target.url('/spent'), ['put-again']);
    await target.waitFor(() => arrivals('/spent').length === 3, 5_000);
    await client.limits.delete('put-again');
    await client.limits.put('put-again', tight);
    await submit(3, target.url('/spent-again'), ['put-again']);
    await client.limits.put('something-else', { rate: 100 });
    await submit(5, target.url('/meanwhile'), ['something-else']);
    await target.waitFor(() => arrivals('/meanwhile').length === 5, 5_000);
    expect(arrivals('/spent-again')).toEqual([]);
  });

  test('of several targets keep to the limit that they share, and others pass them', async () => {
    await client.limits.put('shared', { rate: 20 });
    await client.limits.put('used-up', { rate: 1, perMs: 60_000 });
    await submit(3, target.url('/stuck'), ['used-up', 'shared']);
    await submit(15, target.url('/together'), ['shared']);
    await submit(15, other.url('/together'), ['shared']);
    await submit(50, target.url('/free'), []);
    await target.waitFor(() => arrivals('/free').length === 50, 5_000);
    await target.waitFor(() => arrivals('/together').length === 30, 5_000);
    // 20 in a second, and a timer that was late.
    expect(mostWithin(arrivals('/together'), 1_000)).toBeLessThanOrEqual(22);
    expect(arrivals('/stuck')).toHaveLength(1);
    const { state } = await client.limits.get('used-up');
    expect(state).toMatchObject({ in_flight: 0 });
    expect(state?.waiting).toBe(2);
  });

  test('whose limit is raised while they wait go faster at once', async () => {
    await client.limits.put('raised', { rate: 2 });
    await submit(100, target.url('/raised'), ['raised']);
    await target.waitFor(() => arrivals('/raised').length >= 2);
    await client.limits.update('raised', { rate: 500 });
    await target.waitFor(() => arrivals('/raised').length === 100, 5_000);
  });

  test('and find it again, spent, when the server comes back', async () => {
    await client.limits.put('kept', { rate: 5, burst: 5 });
    await submit(25, target.url('/kept'), ['kept']);
    await target.waitFor(() => arrivals('/kept').length >= 6);
    await server.restart();
    client = new EZThrottle({ apiKey: server.apiKey, baseUrl: server.url });
    await target.waitFor(() => arrivals('/kept').length >= 15, 10_000);
    const times = arrivals('/kept');
    expect(mostWithin(times, 1_000)).toBeLessThanOrEqual(5 + 5 + 1);
    expect(mostWithin(times, 2_000)).toBeLessThanOrEqual(10 + 5 + 1);
  });

  test('pay what the answer says they have cost', async () => {
    await client.limits.put('tokens', {
      rate: 100,
      burst: 50,
      settlePath: '$.usage.total_tokens',
    });
    // Said to cost 50 each, and cost 5: 20 a second instead of two.
    await submit(30, target.url('/tokens'), [{ key: 'tokens', cost: 50 }]);
    await target.waitFor(() => arrivals('/tokens').length === 30, 5_000);
  });

  test('are refused where they could never start', async () => {
    await client.limits.put('small', { rate: 10, burst: 10 });
    const unknown = client.submitJob({ url: target.url('/x'), limits: ['no-such-limit'] });
    await expect(unknown).rejects.toMatchObject({ code: 'limits_unusable', status: 422 });
    const error: unknown = await client
      .submitJob({
        url: target.url('/x'),
        onSuccess: { url: target.url('/y'), limits: [{ key: 'small', cost: 11 }] },
      })
      .catch((reason: unknown) => reason);
    if (!isValidationError(error)) throw error;
    expect(error.problems.map(({ path }) => path)).toEqual(['on_success.limits[0].cost']);
  });

  test('of an account keep to the limit of the account', async () => {
    await client.limits.put('account:ann', { concurrency: 2 });
    const answers = Array.from({ length: 12 }, () => {
      let answer = (): void => undefined;
      const answered = new Promise<void>((resolve) => {
        answer = resolve;
      });
      return { answer, answered };
    });
    let [begun, open, most] = [0, 0, 0];
    target.route('/slow', async () => {
      const own = answers[begun];
      begun += 1;
      open += 1;
      most = Math.max(most, open);
      await own?.answered;
      open -= 1;
      return {};
    });
    await submit(12, target.url('/slow'), [], { userId: 'ann' });
    for (const [index, { answer }] of answers.entries()) {
      // The next two are there before one of them is answered.
      await target.waitFor(() => arrivals('/slow').length >= Math.min(12, index + 2));
      answer();
    }
    await target.waitFor((all) => all.every(({ state }) => state === 'answered'));
    expect(most).toBe(2);
  });
});
