// What a client does with limits, endpoints, signing keys and streams: the same against the server for tests and
// against the real one.

import { EZThrottle, isNotFoundError } from '@ezthrottle/core';
import { createReceiver, standardWebhooksEd25519 } from '@ezthrottle/core/webhooks';
import { createTestServer } from '@ezthrottle/testing';
import { createUpstream } from '@ezthrottle/testkit';
import { describe, expect, test } from 'vitest';
import { startServer } from './running-server.ts';

/** A delivery as it came. */
interface Came {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

interface World extends AsyncDisposable {
  readonly client: EZThrottle;
  readonly target: string;
  readonly webhook: string;
  /** What the webhook answers from now on. */
  answer(status: number): void;
  readonly deliveries: () => readonly Came[];
  /** Goes on until so many deliveries have come. */
  delivered(count: number): Promise<void>;
  /** Goes on until the promise is settled. */
  until<Result>(promise: Promise<Result>): Promise<Result>;
}

async function testWorld(): Promise<World> {
  const server = createTestServer();
  const target = 'https://api.example.com/';
  const webhook = 'https://app.example.com/webhooks';
  let status = 200;
  server.upstream(target);
  const received = server.webhook(webhook, () => status);
  const client = server.client();
  return {
    client,
    target,
    webhook,
    answer: (next) => {
      status = next;
    },
    deliveries: () => received.calls,
    delivered: () => server.runToEnd(),
    until: (promise) => server.until(promise),
    [Symbol.asyncDispose]: () => client.close(),
  };
}

async function realWorld(): Promise<World> {
  const server = await startServer();
  const upstream = await createUpstream();
  const client = new EZThrottle({ apiKey: server.apiKey, baseUrl: server.url });
  const deliveries = (): readonly Came[] =>
    upstream.requests.filter(({ path }) => path === '/webhooks');
  return {
    client,
    target: upstream.url('/target'),
    webhook: upstream.url('/webhooks'),
    answer: (status) => upstream.route('/webhooks', { status }),
    deliveries,
    delivered: async (count) => {
      await upstream.waitFor(() => deliveries().length >= count);
    },
    until: (promise) => promise,
    async [Symbol.asyncDispose]() {
      await client.close();
      await server.close();
      await upstream.close();
    },
  };
}

describe.each([
  ['the server for tests', testWorld],
  ['the real server', realWorld],
])('%s', (_, open) => {
  test('puts, changes, lists and deletes limits, and holds changes to what was seen', async () => {
    await using world = await open();
    const { limits } = world.client;
    const made = await limits.put('tpm', { rate: 90_000, perMs: 60_000, burst: 8_000 });
    expect(made).toMatchObject({ key: 'tpm', kind: 'custom', rate: 90_000, state: null });
    expect(await limits.update('tpm', { burst: null, paused: true })).toMatchObject({
      burst: null,
      paused: true,
    });
    const late = limits.delete('tpm', { ifVersion: made.version });
    await expect(late).rejects.toMatchObject({ code: 'precondition_failed' });
    await limits.put('other', { concurrency: 1 }, { ifAbsent: true });
    const keys: string[] = [];
    for await (const { key } of limits.list({ limit: 1 })) keys.push(key);
    expect(keys).toEqual(['other', 'tpm']);
    await limits.delete('tpm');
    await expect(limits.get('tpm')).rejects.toSatisfy(isNotFoundError);
  });

  test('streams a job until its end, and only that to who has seen the rest', async () => {
    await using world = await open();
    const { client } = world;
    const { job_id: jobId } = await client.submitJob({ url: world.target });
    const watch = async (lastEventId?: string): Promise<readonly (readonly [string, string])[]> => {
      const told: (readonly [string, string])[] = [];
      for await (const { type, id } of client.stream(jobId, { lastEventId })) {
        if (id !== null) told.push([type, id]);
      }
      return told;
    };
    expect(await world.until(watch())).toEqual([
      ['queued', '0'],
      ['dispatching', '1'],
      ['completed', '3'],
    ]);
    expect(await world.until(watch('1'))).toEqual([['completed', '3']]);
  });

  test('disables an endpoint that is gone, and delivers there again when it is enabled', async () => {
    await using world = await open();
    const { client } = world;
    const webhooks = [{ url: world.webhook }];
    const submit = (idempotentKey: string): Promise<unknown> =>
      client.submitJob({ url: world.target, idempotentKey, webhooks });
    expect(await client.webhookEndpoints.list()).toEqual([]);
    world.answer(410);
    await submit('first');
    await world.delivered(1);
    const listed = async (): Promise<readonly { readonly endpoint_id: string }[]> => {
      // The answer is on record a moment after it was given.
      for (let tries = 0; tries < 1_000; tries += 1) {
        const endpoints = await client.webhookEndpoints.list();
        if (endpoints.length > 0) return endpoints;
      }
      return [];
    };
    const [gone] = await listed();
    expect(gone).toMatchObject({ url: world.webhook, enabled: false, disabled_by: 'gone' });
    world.answer(200);
    const id = gone?.endpoint_id ?? '';
    const enabled = await client.webhookEndpoints.enable(id);
    expect(enabled).toMatchObject({ enabled: true, disabled_by: null, disabled_at: null });
    await submit('second');
    await world.delivered(2);
    expect(world.deliveries()).toHaveLength(2);
  });

  test('signs with its keys as well, the newest and the one before', async () => {
    await using world = await open();
    const { client } = world;
    const { signingKeys } = client.webhookSecrets;
    await expect(signingKeys.rotate()).rejects.toSatisfy(isNotFoundError);
    const first = await signingKeys.create();
    expect(first.previous_public_key).toBeNull();
    const second = await signingKeys.rotate();
    expect(second.previous_public_key).toBe(first.public_key);
    expect(await signingKeys.get()).toEqual(second);
    await client.submitJob({ url: world.target, webhooks: [{ url: world.webhook }] });
    await world.delivered(1);
    const [{ headers, body } = { headers: {}, body: '' }] = world.deliveries();
    for (const { public_key: publicKey } of [first, second]) {
      const receiver = createReceiver({
        schemes: [standardWebhooksEd25519({ publicKeys: [publicKey] })],
      });
      const request = new Request('http://localhost/', { method: 'POST', headers, body });
      expect((await receiver.handle(request)).status).toBe(200);
      await receiver.close();
    }
    const schemes = headers['webhook-signature']?.split(' ').map((part) => part.split(',')[0]);
    expect(schemes).toEqual(['v1', 'v1a', 'v1a']);
  });
});
