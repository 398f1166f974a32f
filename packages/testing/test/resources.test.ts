import { isNotFoundError } from '@ezthrottle/core';
import { createReceiver, standardWebhooksEd25519 } from '@ezthrottle/core/webhooks';
import { createTestServer, type TestServer } from '@ezthrottle/testing';
import { describe, expect, test } from 'vitest';

const API = 'https://api.example.com';
const APP = 'https://app.example.com';

async function submit(server: TestServer, count: number, path = ''): Promise<string> {
  let last = '';
  for (let n = 0; n < count; n += 1) {
    const webhooks = [{ url: `${APP}/webhooks` }];
    const job = { url: `${API}/${path}${n}`, idempotentKey: `${path}${n}`, webhooks };
    ({ job_id: last } = await server.client().submitJob(job));
  }
  return last;
}

describe('client.limits of a server for tests', () => {
  test('pace a destination, also when they change while jobs wait', async () => {
    const server = createTestServer();
    const upstream = server.upstream(API);
    const { limits } = server.client();
    const key = `destination:${API}`;
    const made = await limits.put(key, { rate: 10 });
    await submit(server, 40);
    await server.clock.advance('1s');
    expect(upstream.calls.length).toBeGreaterThanOrEqual(9);
    expect(upstream.calls.length).toBeLessThanOrEqual(11);
    expect((await limits.get(key)).state).toMatchObject({ rate: 10, paused_by: null });

    await limits.update(key, { paused: true }, { ifVersion: made.version });
    const before = upstream.calls.length;
    await server.clock.advance('1h');
    expect(upstream.calls).toHaveLength(before);
    expect((await limits.get(key)).state).toMatchObject({ paused_by: 'hand' });

    await limits.update(key, { paused: false, rate: 100 });
    await server.clock.advance('1s');
    expect(upstream.calls).toHaveLength(40);
  });

  test('may be named by jobs as soon as they exist, and no longer', async () => {
    const server = createTestServer({ pace: { ratePerSecond: 1_000 } });
    const upstream = server.upstream(API);
    const client = server.client();
    const job = { url: API, limits: ['rpm'] };
    await expect(client.submitJob(job)).rejects.toMatchObject({ code: 'limits_unusable' });
    await client.limits.put('rpm', { rate: 1, perMs: 60_000 });
    for (let n = 0; n < 3; n += 1) await client.submitJob({ ...job, idempotentKey: `${n}` });
    await server.clock.advance('61s');
    expect(upstream.calls).toHaveLength(2);
    await client.limits.delete('rpm');
    await server.clock.advance('1s');
    expect(upstream.calls).toHaveLength(3);
    await expect(client.limits.get('rpm')).rejects.toSatisfy(isNotFoundError);
  });

  test('are listed page by page, and kept from being replaced', async () => {
    const { limits } = createTestServer({ limits: { 'x-b': { rate: 2 } } }).client();
    for (const key of ['x-c', 'x-a']) await limits.put(key, { rate: 1 });
    const keys: string[] = [];
    for await (const { key } of limits.list({ prefix: 'x-', limit: 2 })) keys.push(key);
    expect(keys).toEqual(['x-a', 'x-b', 'x-c']);
    const again = limits.put('x-a', { rate: 3 }, { ifAbsent: true });
    await expect(again).rejects.toMatchObject({ code: 'precondition_failed', status: 412 });
  });

  test('of the options are told when they are none', () => {
    expect(() => createTestServer({ limits: { tpm: { rate: -1 } } })).toThrow(
      /tpm\.rate: more than 0/,
    );
  });
});

describe('client.webhookEndpoints of a server for tests', () => {
  test('show who is gone, and let it come back', async () => {
    const server = createTestServer();
    server.upstream(API);
    const webhook = server.webhook(`${APP}/webhooks`, [410, 200]);
    await submit(server, 2);
    await server.runToEnd();
    expect(webhook.calls).toHaveLength(1);
    const { webhookEndpoints } = server.client();
    const [gone] = await webhookEndpoints.list();
    expect(gone).toMatchObject({ url: `${APP}/webhooks`, enabled: false, disabled_by: 'gone' });
    expect(await webhookEndpoints.enable(gone?.endpoint_id ?? '')).toMatchObject({ enabled: true });
    await submit(server, 1, 'later');
    await server.runToEnd();
    expect(webhook.calls).toHaveLength(2);
    await expect(webhookEndpoints.disable('unknown')).rejects.toSatisfy(isNotFoundError);
  });
});

describe('signing keys of a server for tests', () => {
  test('sign deliveries for receivers that know nothing but the public half', async () => {
    const server = createTestServer();
    server.upstream(API);
    const { signingKeys } = server.client().webhookSecrets;
    await expect(signingKeys.get()).rejects.toSatisfy(isNotFoundError);
    const { public_key: publicKey } = await signingKeys.create();
    await expect(signingKeys.create()).rejects.toMatchObject({ code: 'conflict' });
    const seen: string[] = [];
    const receiver = createReceiver({
      schemes: [standardWebhooksEd25519({ publicKeys: [publicKey] })],
    });
    receiver.on('success', ({ idempotentKey }) => {
      if (idempotentKey !== null) seen.push(idempotentKey);
    });
    server.webhook(`${APP}/webhooks`, receiver);
    await submit(server, 1, 'before');
    await server.runToEnd();
    const rotated = await signingKeys.rotate();
    expect(rotated.previous_public_key).toBe(publicKey);
    await submit(server, 1, 'after');
    await server.runToEnd();
    expect(seen).toEqual(['before0', 'after0']);
    await receiver.close();
  });
});

describe('client.stream of a server for tests', () => {
  test('tells the life of a job while time is moved', async () => {
    const server = createTestServer();
    const later = { status: 429, headers: { 'Retry-After': '600' } };
    server.upstream(API, [later, { delay: '20s', body: 'done' }]);
    const client = server.client();
    const { job_id: jobId } = await client.submitJob({ url: API });
    const told: string[] = [];
    const reading = (async () => {
      for await (const event of client.stream(jobId)) told.push(event.type);
    })();
    await server.runToEnd();
    await server.until(reading);
    expect(told).toEqual(['queued', 'dispatching', 'retrying', 'dispatching', 'completed']);
  });

  test('tells of a followed redirect by its next call, not as a retry', async () => {
    const server = createTestServer();
    server.upstream(API, [{ status: 302, headers: { Location: '/moved' } }, { body: 'done' }]);
    const client = server.client();
    const { job_id: jobId } = await client.submitJob({ url: API, followRedirects: 1 });
    await server.runToEnd();
    const told: (readonly [string | null, string])[] = [];
    for await (const { id, type } of client.stream(jobId)) told.push([id, type]);
    expect(told).toEqual([
      ['0', 'queued'],
      ['1', 'dispatching'],
      ['3', 'dispatching'],
      ['5', 'completed'],
    ]);
  });

  test('goes on where a watcher was, tells all of it afterwards, and knows no other jobs', async () => {
    const server = createTestServer();
    server.upstream(API);
    const client = server.client();
    const { job_id: jobId } = await client.submitJob({ url: API });
    await server.runToEnd();
    const all: (string | null)[] = [];
    for await (const { id } of client.stream(jobId)) all.push(id);
    expect(all).toEqual(['0', '1', '3']);
    const rest: string[] = [];
    for await (const { type } of client.stream(jobId, { lastEventId: '1' })) rest.push(type);
    expect(rest).toEqual(['completed']);
    const unknown = client.stream('00000000-0000-7000-8000-000000000000');
    await expect(unknown.next()).rejects.toSatisfy(isNotFoundError);
  });

  test('ends when its reader has enough', async () => {
    const server = createTestServer();
    server.upstream(API, { hang: true });
    const client = server.client();
    const { job_id: jobId } = await client.submitJob({ url: API });
    const stop = new AbortController();
    const events = client.stream(jobId, { signal: stop.signal });
    expect((await events.next()).value).toMatchObject({ type: 'queued' });
    stop.abort(new Error('enough'));
    await expect(events.next()).rejects.toThrow('enough');
    await server.settle();
  });
});
