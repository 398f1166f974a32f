import { createTestServer } from '@ezthrottle/testing';
import { describe, expect, test } from 'vitest';

const TARGET = 'https://api.example.com/orders';
const HOOK = 'https://app.example.com/webhooks';
const MONTH_MS = 30 * 86_400_000;

describe('a month', () => {
  test('of jobs that start a day apart passes in as many steps as things happen', async () => {
    const server = createTestServer();
    const upstream = server.upstream(TARGET, [503, 503, 200]);
    const client = server.client();
    for (let day = 1; day <= 30; day += 1) {
      await client.submitJob({
        url: TARGET,
        idempotentKey: `day ${day}`,
        retryAt: server.clock.now() + day * 86_400_000,
      });
    }

    await server.clock.advance('30d');
    await server.runToEnd();

    expect(upstream.calls).toHaveLength(32);
    expect(upstream.calls.at(-1)?.elapsedMs).toBe(MONTH_MS);
    // Each call, each wait for the pace and each timer is one; nothing happens in between.
    expect(server.moments).toBeLessThan(200);
  });

  test('of deliveries that nobody accepts is tried as scheduled, and ends', async () => {
    const server = createTestServer({
      deliveryGiveUpMs: MONTH_MS,
      deliveryDelaysMs: [0, 60_000, 3_600_000],
    });
    server.upstream(TARGET);
    const webhook = server.webhook(HOOK, 503);
    const { job_id: jobId } = await server
      .client()
      .submitJob({ url: TARGET, webhooks: [{ url: HOOK }] });

    await server.runToEnd();

    const job = await server.job(jobId);
    expect(job?.deliveries).toMatchObject([{ state: 'dead', attempts: webhook.calls.length }]);
    // Hourly, each wait up to a tenth longer.
    expect(webhook.calls.length).toBeGreaterThan(MONTH_MS / 3_600_000 / 1.1);
    expect(webhook.calls.length).toBeLessThanOrEqual(MONTH_MS / 3_600_000 + 2);
    expect(server.moments).toBeLessThan(2 * webhook.calls.length);
    expect(server.clock.elapsedMs()).toBeLessThanOrEqual(MONTH_MS);
  });
});

describe('time', () => {
  test('passes exactly as far as it is told, and takes units', async () => {
    const server = createTestServer({ startAt: 1_000 });
    await server.clock.advance('250ms');
    await server.clock.advance('1.5h');
    await server.clock.advance(7);
    expect(server.clock.elapsedMs()).toBe(250 + 5_400_000 + 7);
    expect(server.clock.now()).toBe(1_000 + 5_400_257);
  });

  test.each([-1, Number.NaN, Number.POSITIVE_INFINITY])('does not pass by %s', async (duration) => {
    const { clock } = createTestServer();
    expect(() => clock.advance(duration)).toThrow(/not a duration/);
  });

  test('is moved by one at a time', async () => {
    const server = createTestServer();
    const first = server.clock.advance('1s');
    await expect(server.clock.advance('1s')).rejects.toMatchObject({ code: 'time_is_moving' });
    await first;
  });

  test('repeats itself: the same script with the same seed is called at the same moments', async () => {
    const timesOf = async (seed: number): Promise<readonly number[]> => {
      const server = createTestServer({ seed, startAt: 0, pace: { ratePerSecond: 100 } });
      const upstream = server.upstream(TARGET, [500, 503, { networkError: true }, 200]);
      await server.client().submitJob({ url: TARGET });
      await server.runToEnd();
      return upstream.calls.map(({ elapsedMs }) => elapsedMs);
    };
    expect(await timesOf(7)).toEqual(await timesOf(7));
    expect(await timesOf(7)).not.toEqual(await timesOf(8));
  });

  test('does not run on for a promise that nothing can settle', async () => {
    const server = createTestServer();
    await expect(server.until(new Promise(() => undefined))).rejects.toMatchObject({
      code: 'stuck',
    });
  });

  test('passes while a client waits for a job', async () => {
    const server = createTestServer();
    server.upstream(TARGET, { delay: '20s', body: 'late' });
    const client = server.client();
    const { job_id: jobId } = await client.submitJob({ url: TARGET });
    const job = await server.until(client.wait(jobId));
    expect(job).toMatchObject({ state: 'completed', result: { response: { body: 'late' } } });
    expect(server.clock.elapsedMs()).toBeGreaterThanOrEqual(20_000);
  });
});
