import { Step } from '@ezthrottle/core';
import { createTestServer } from '@ezthrottle/testing';
import { describe, expect, test } from 'vitest';

const TARGET = 'https://api.example.com/orders';
const HOOK = 'https://app.example.com/webhooks';

describe('a job', () => {
  test('calls its target, and its result is delivered signed', async () => {
    const server = createTestServer();
    const upstream = server.upstream('https://api.example.com', { body: { paid: true } });
    const webhook = server.webhook(HOOK);
    const { job_id: jobId } = await server.client().submitJob({
      url: TARGET,
      method: 'POST',
      body: '{"id":7}',
      webhooks: [{ url: HOOK }],
    });

    await server.settle();

    expect(upstream.calls).toMatchObject([
      { url: TARGET, method: 'POST', body: '{"id":7}', jobId, attempt: 1 },
    ]);
    expect(webhook.deliveries).toMatchObject([
      { jobId, status: 'success', response: { statusCode: 200, body: '{"paid":true}' } },
    ]);
    expect(await server.job(jobId)).toMatchObject({ state: 'completed' });
  });

  test('is not sent before time is moved or settled', async () => {
    const server = createTestServer();
    const upstream = server.upstream(TARGET);
    await server.client().submitJob({ url: TARGET });
    expect(upstream.calls).toEqual([]);
    await server.settle();
    expect(upstream.calls).toHaveLength(1);
  });

  test('waits as long as Retry-After says', async () => {
    const server = createTestServer();
    const upstream = server.upstream(TARGET, [
      { status: 429, headers: { 'Retry-After': '21600' } },
      200,
    ]);
    const { job_id: jobId } = await server.client().submitJob({ url: TARGET });
    await server.clock.advance('5h');
    expect(upstream.calls).toHaveLength(1);
    await server.clock.advance('1h');
    expect(upstream.calls.map(({ elapsedMs }) => elapsedMs)).toEqual([0, 21_600_000]);
    expect(await server.job(jobId)).toMatchObject({ state: 'completed' });
  });

  test('is paced as the target bears it: two a second unless it says otherwise', async () => {
    const server = createTestServer();
    const upstream = server.upstream(TARGET);
    const client = server.client();
    for (let order = 0; order < 4; order += 1)
      await client.submitJob({ url: `${TARGET}?${order}` });
    await server.runToEnd();
    const times = upstream.calls.map(({ elapsedMs }) => elapsedMs);
    const gaps = times.slice(1).map((at, index) => at - (times[index] ?? 0));
    expect(gaps).toHaveLength(3);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(495);
    expect(Math.max(...gaps)).toBeLessThan(520);
  });

  test('falls back when its target is gone, and carries on with what follows', async () => {
    const server = createTestServer();
    server.upstream(TARGET, { networkError: 'connection_refused' });
    const backup = server.upstream('https://backup.example.com', 201);
    const next = server.upstream('https://api.example.com/receipt');
    const client = server.client();
    await new Step(client)
      .url(TARGET)
      .fallback(new Step().url('https://backup.example.com/orders'))
      .onSuccess(new Step().url('https://api.example.com/receipt'))
      .execute();
    await server.runToEnd();
    expect(backup.calls).toHaveLength(1);
    expect(next.calls).toHaveLength(1);
  });

  test('starts its fallback when the target hangs too long', async () => {
    const server = createTestServer();
    server.upstream(TARGET, { hang: true });
    const backup = server.upstream('https://backup.example.com', 200);
    await new Step(server.client())
      .url(TARGET)
      .fallback(new Step().url('https://backup.example.com/'), { triggerOnTimeout: 3_000 })
      .execute();
    await server.runToEnd();
    expect(backup.calls.map(({ elapsedMs }) => elapsedMs)).toEqual([3_000]);
  });

  test('takes the place of one that has its key, is refused, or is the same, as it asks', async () => {
    const server = createTestServer();
    const upstream = server.upstream(TARGET);
    const client = server.client();
    const job = { url: TARGET, method: 'POST', idempotentKey: 'order 7' };
    const retryAt = server.clock.now() + 60_000;
    const first = await client.submitJob({ ...job, body: '1', retryAt });
    await expect(client.submitJob({ ...job, onConflict: 'reject' })).rejects.toMatchObject({
      code: 'idempotency_conflict',
    });
    const second = await client.submitJob({ ...job, body: '2', retryAt, onConflict: 'replace' });
    expect(second).toMatchObject({ replaced_job_id: first.job_id });
    await server.runToEnd();
    expect(upstream.calls.map(({ body }) => body)).toEqual(['2']);
    expect(await server.job(first.job_id)).toMatchObject({ state: 'cancelled' });
    await expect(client.submitJob({ ...job, onConflict: 'replace' })).rejects.toMatchObject({
      code: 'replace_too_late',
    });
    expect(await client.submitJob(job)).toMatchObject({ job_id: second.job_id, duplicate: true });
  });

  test('that is cancelled calls nobody any more, and is delivered as failed', async () => {
    const server = createTestServer();
    const upstream = server.upstream(TARGET, { hang: true });
    const webhook = server.webhook(HOOK);
    const client = server.client();
    const waiting = await client.submitJob({ url: TARGET, webhooks: [{ url: HOOK }] });
    const sent = await client.submitJob({ url: `${TARGET}?sent`, webhooks: [{ url: HOOK }] });
    await client.jobs.cancel(waiting.job_id);
    await server.clock.advance('1s');
    expect(upstream.calls.map(({ url }) => url)).toEqual([`${TARGET}?sent`]);
    await client.jobs.cancel(sent.job_id);
    await server.runToEnd();
    expect(webhook.deliveries.map(({ status, error }) => [status, error])).toEqual([
      ['failed', 'cancelled'],
      ['failed', 'cancelled'],
    ]);
    // Asked again, for example because the answer was lost.
    expect(await client.jobs.cancel(sent.job_id)).toMatchObject({ state: 'cancelled' });
  });

  test('under a known key is the first one, until a day after its end', async () => {
    const server = createTestServer();
    const upstream = server.upstream(TARGET);
    const submit = () => server.client().submitJob({ url: TARGET, idempotentKey: 'order-1' });
    const first = await submit();
    await server.settle();
    expect(await submit()).toMatchObject({ job_id: first.job_id, duplicate: true });
    await server.clock.advance('24h');
    expect((await submit()).job_id).not.toBe(first.job_id);
    await server.runToEnd();
    expect(upstream.calls).toHaveLength(2);
  });

  test('races its regions, and the slower one is stopped', async () => {
    const server = createTestServer({ pace: { ratePerSecond: 100 } });
    const upstream = server.upstream(TARGET, ({ region }) => ({
      delay: region === 'fra' ? '1s' : '1h',
      body: region,
    }));
    const { job_id: jobId } = await server
      .client()
      .submitJob({ url: TARGET, regions: ['iad', 'fra'], timeoutMs: 900_000 });
    await server.runToEnd();
    expect(upstream.calls).toHaveLength(2);
    expect(await server.job(jobId)).toMatchObject({
      result: { response: { body: 'fra' } },
      attempts: [{ outcome: 'aborted' }, { outcome: 'response' }],
    });
    expect(server.clock.elapsedMs()).toBeLessThan(2_000);
  });

  test('to a target that is not scripted fails, and says what to do', async () => {
    const server = createTestServer();
    const { job_id: jobId } = await server
      .client()
      .submitJob({ url: TARGET, retryPolicy: { maxReroutes: 0 } });
    await server.runToEnd();
    expect((await server.job(jobId))?.result?.error).toMatch(
      /nothing is scripted for https:\/\/api.example.com\/orders: call server.upstream/,
    );
  });
});
