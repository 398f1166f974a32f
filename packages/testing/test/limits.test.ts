import { describe, expect, test } from 'vitest';
import { createTestServer } from '@ezthrottle/testing';

const A = 'https://a.example.com';
const B = 'https://b.example.com';
const FAST = { ratePerSecond: 1_000, concurrency: 64, configured: true };

describe('jobs that name limits, in virtual time', () => {
  test('of several targets keep to the limit that they share, and others pass them', async () => {
    const server = createTestServer({
      pace: FAST,
      limits: { shared: { rate: 10 }, scarce: { rate: 1, per_ms: 60_000 } },
    });
    const shared = [server.upstream(`${A}/shared`), server.upstream(`${B}/shared`)];
    const free = server.upstream(`${A}/free`);
    const scarce = server.upstream(`${A}/scarce`);
    const client = server.client();
    const submit = async (count: number, url: string, limits: readonly string[]): Promise<void> => {
      for (let n = 0; n < count; n += 1) {
        await client.submitJob({ url, limits, idempotentKey: `${url} ${n}` });
      }
    };
    await submit(3, `${A}/scarce`, ['scarce', 'shared']);
    await submit(20, `${A}/shared`, ['shared']);
    await submit(20, `${B}/shared`, ['shared']);
    await submit(30, `${A}/free`, []);
    await server.clock.advance('5s');
    expect(free.calls).toHaveLength(30);
    expect(Math.max(...free.calls.map(({ elapsedMs }) => elapsedMs))).toBeLessThan(500);
    expect(scarce.calls).toHaveLength(1);
    const times = shared.flatMap(({ calls }) => calls.map(({ elapsedMs }) => elapsedMs));
    expect(times).toHaveLength(40);
    for (const from of times) {
      const within = times.filter((at) => at >= from && at < from + 1_000);
      expect(within.length).toBeLessThanOrEqual(11);
    }
    await server.runToEnd();
    expect(scarce.calls).toHaveLength(3);
  });

  test('are charged what the answer says', async () => {
    const server = createTestServer({
      pace: FAST,
      limits: { tokens: { rate: 10, burst: 100, settle_header: 'X-Cost' } },
    });
    const upstream = server.upstream(A, { headers: { 'X-Cost': '1' } });
    const client = server.client();
    for (let n = 0; n < 20; n += 1) {
      await client.submitJob({ url: `${A}/${n}`, limits: [{ key: 'tokens', cost: 100 }] });
    }
    await server.clock.advance('5s');
    // Said to take ten seconds each; each took a tenth of one.
    expect(upstream.calls).toHaveLength(20);
  });

  test('get a second call beside a slow one, and the first answer wins', async () => {
    const server = createTestServer();
    const upstream = server.upstream(A, [{ delay: '20s' }, { delay: '1s' }]);
    const { job_id: jobId } = await server
      .client()
      .submitJob({ url: A, hedgeAfterMs: 2_000, hedgeBudgetPercent: 100 });
    await server.clock.advance('4s');
    expect(upstream.calls.map(({ elapsedMs }) => elapsedMs)).toEqual([0, 2_000]);
    expect(await server.job(jobId)).toMatchObject({ state: 'completed' });
  });

  test('wait without using up attempts while their target is down', async () => {
    const server = createTestServer({ pace: { ...FAST, ratePerSecond: 10 } });
    const upstream = server.upstream(A, 502);
    const client = server.client();
    const retryPolicy = { maxRetries: 0, maxReroutes: 0 };
    for (let n = 0; n < 30; n += 1) await client.submitJob({ url: `${A}/${n}`, retryPolicy });
    await server.clock.advance('6s');
    const failed = upstream.calls.length;
    expect(failed).toBeLessThanOrEqual(13);
  });

  test('are refused where they could never start', async () => {
    const server = createTestServer();
    const submitted = server.client().submitJob({ url: A, limits: ['unknown'] });
    await expect(submitted).rejects.toMatchObject({ code: 'limits_unusable', status: 422 });
  });
});
