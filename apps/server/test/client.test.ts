// The SDK against the server, over HTTP. `row n` as in packages/core/test/thirty-five: what other SDKs
// do wrong, and what ours does.

import { EZThrottle, type JobEvent, IdempotentStrategy, Step, StepType } from '@ezthrottle/core';
import { createReceiver } from '@ezthrottle/core/webhooks';
import { createUpstream, type Upstream } from '@ezthrottle/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { objectOf, type RunningServer, startServer, textOf } from './running-server.ts';

let server: RunningServer;
let target: Upstream;
let hooks: Upstream;
let client: EZThrottle;

beforeAll(async () => {
  target = await createUpstream({ body: { fine: true } });
  target.route('/broken', { status: 500 });
  target.route('/slow', { delayMs: 300 });
  hooks = await createUpstream({ status: 200 });
  server = await startServer({ rate: [`${target.origin}=1000`, `${hooks.origin}=1000`] });
  client = new EZThrottle({
    apiKey: server.apiKey,
    baseUrl: server.url,
    webhookSecret: server.signingSecret,
  });
});

afterAll(async () => {
  await client.close();
  await server.close();
  await Promise.all([target.close(), hooks.close()]);
});

describe('the SDK against the server', () => {
  test('row 1: finds its nested fields understood, at every depth', async () => {
    const url = target.url('/broken');
    const { job_id } = await client.submitJob({
      url,
      retryPolicy: { maxRetries: 0, maxReroutes: 0 },
      idempotentKey: 'row-1',
      fallbackJob: {
        url,
        trigger: { type: 'on_error', codes: [500] },
        retryPolicy: { maxRetries: 0, maxReroutes: 0 },
        fallbackJob: { url: target.url('/second') },
      },
    });
    const job = await client.wait(job_id, { timeout: 20_000 });
    expect(job).toMatchObject({ state: 'completed', result: { status: 'success', path: 2 } });
  });

  test('rows 4 and 5: a step that follows here runs once, however fast and often the delivery comes', async () => {
    const endpoint = hooks.url('/continue');
    await new Step(client)
      .url(target.url('/job'))
      .idempotentKey('row-5')
      .webhooks([{ url: endpoint }])
      .onSuccess(new Step().url(target.url('/followed')).type(StepType.FRUGAL))
      .execute();
    const isIt = ({ path }: { readonly path: string }): boolean => path === '/continue';
    const [delivery] = (await hooks.waitFor((requests) => requests.some(isIt))).filter(isIt);
    if (delivery === undefined) throw new Error('no delivery');
    const receiver = createReceiver({
      secrets: server.signingSecret,
      continuations: client.continuations({ endpoint }),
    });
    for (let repeat = 0; repeat < 3; repeat += 1) {
      const { method, headers, bodyBytes } = delivery;
      const request = new Request(endpoint, { method, headers, body: Buffer.from(bodyBytes) });
      expect((await receiver.handle(request)).status).toBe(200);
    }
    await client.settled();
    expect(target.requests.filter(({ path }) => path === '/followed')).toHaveLength(1);
  });

  test('row 25: rotates a secret in one step, so that the old one is kept', async () => {
    await client.createWebhookSecret('the first long secret');
    await client.rotateWebhookSecret('the second long secret');
    expect(await client.getWebhookSecret()).toMatchObject({
      primary_secret: 'the ****cret',
      secondary_secret: 'the ****cret',
      has_secondary: true,
    });
    await expect(client.createWebhookSecret('short')).rejects.toMatchObject({
      code: 'validation_failed',
    });
    await client.createWebhookSecret(server.signingSecret);
  });

  test('row 26: waits and comes back with the result, told by the stream and not by looking', async () => {
    const began = performance.now();
    const url = target.url('/slow');
    const job = await client.queueAndWait({ url, pollInterval: 60_000, timeout: 20_000 });
    expect(job).toMatchObject({ state: 'completed', result: { status: 'success' } });
    expect(performance.now() - began).toBeLessThan(15_000);
    await expect(client.wait(job.job_id)).resolves.toMatchObject({ state: 'completed' });
  });

  test('row 32: HASH is answered with the first job, UNIQUE with a new one', async () => {
    const step = new Step(client).url(target.url('/row-32'));
    const first = await step.execute();
    expect(await step.execute()).toMatchObject({ job_id: first.job_id, duplicate: true });
    const unique = step.idempotentStrategy(IdempotentStrategy.UNIQUE);
    expect(await unique.execute()).toMatchObject({ duplicate: false });
  });

  test('row 35: is told success and failed, in jobs and in deliveries', async () => {
    const webhooks = [{ url: hooks.url('/words') }];
    const retryPolicy = { maxRetries: 0, maxReroutes: 0 };
    const good = await client.queueAndWait({ url: target.url('/words') });
    const job = { url: target.url('/broken'), idempotentKey: 'row-35', webhooks, retryPolicy };
    const bad = await client.wait((await client.submitJob(job)).job_id, { timeout: 20_000 });
    expect([good.status, bad.status]).toEqual(['success', 'failed']);
    const isIt = ({ path }: { readonly path: string }): boolean => path === '/words';
    const [delivery] = (await hooks.waitFor((requests) => requests.some(isIt))).filter(isIt);
    expect(objectOf(JSON.parse(delivery?.body ?? ''))['status']).toBe('failed');
  });

  test('submits a batch and gives each job its answer', async () => {
    const [first, invalid, again] = await client.submitJobs([
      { url: target.url('/batch'), idempotentKey: 'batch' },
      { url: 'nowhere' },
      { url: target.url('/batch'), idempotentKey: 'batch' },
    ]);
    expect(first).toMatchObject({ ok: true, job: { status: 'queued' } });
    expect(invalid).toMatchObject({ ok: false, error: { problems: [{ path: 'url' }] } });
    const id = first?.ok === true ? first.job.job_id : '';
    expect(again).toMatchObject({ ok: true, job: { job_id: id, duplicate: true } });
  });

  test('streams a job until its end, and goes on where it has been', async () => {
    const url = target.url('/slow?streamed');
    const id = textOf((await client.submitJob({ url })).job_id);
    const events: JobEvent[] = [];
    for await (const event of client.stream(id)) events.push(event);
    const types = events
      .map(({ type }) => type)
      .filter((type) => type !== 'waiting' && type !== 'position');
    expect(types).toEqual(['queued', 'dispatching', 'completed']);
    expect(events.at(-1)).toMatchObject({ job_id: id, status: 'success', state: 'completed' });

    const last = events.at(-1)?.id ?? '';
    const seen = client.stream(id, { lastEventId: last });
    expect(await seen.next()).toEqual({ done: true, value: undefined });
    const rest: JobEvent[] = [];
    for await (const event of client.stream(id, { lastEventId: '0' })) rest.push(event);
    expect(rest.map(({ type }) => type)).toEqual(['dispatching', 'completed']);
  });

  test('lists jobs over pages', async () => {
    const url = target.url('/listed');
    const jobs = Array.from({ length: 5 }, (_, n) => ({
      url,
      tags: ['listed'],
      idempotentKey: `l${n}`,
    }));
    await client.submitJobs(jobs);
    const keys: string[] = [];
    for await (const job of client.jobs.list({ tag: 'listed', limit: 2 }))
      keys.push(job.idempotent_key);
    expect(keys.toSorted()).toEqual(['l0', 'l1', 'l2', 'l3', 'l4']);
  });
});
