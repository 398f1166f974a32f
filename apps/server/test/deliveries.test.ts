// Deliveries as an owner of endpoints sees them: the SDK, the server, and receivers over HTTP.

import { EZThrottle, isConflictError, isNotFoundError } from '@ezthrottle/core';
import { createReceiver, standardWebhooksEd25519 } from '@ezthrottle/core/webhooks';
import { createUpstream, type Upstream } from '@ezthrottle/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningServer, startServer, until } from './running-server.ts';

let server: RunningServer;
let target: Upstream;
let hooks: Upstream;
let client: EZThrottle;

beforeAll(async () => {
  target = await createUpstream({ body: 'fine' });
  hooks = await createUpstream({ status: 200 });
  server = await startServer({ rate: [`${target.origin}=1000`], 'delivery-delays': '0s,1s' });
  client = new EZThrottle({ apiKey: server.apiKey, baseUrl: server.url });
});

afterAll(async () => {
  await client.close();
  await server.close();
  await Promise.all([target.close(), hooks.close()]);
});

let jobs = 0;

/** A job that is delivered there. */
async function deliverTo(url: string): Promise<string> {
  jobs += 1;
  const job = { url: target.url(`/?${jobs}`), webhooks: [{ url }] };
  return (await client.submitJob(job)).job_id;
}

async function deliveryOf(jobId: string, isWished: (state: string) => boolean) {
  const { deliveries } = await until(
    () => client.jobs.get(jobId),
    (job) => isWished(job.deliveries[0]?.state ?? ''),
  );
  return deliveries[0];
}

function isEnd(state: string): boolean {
  return state === 'delivered' || state === 'dead';
}

function sentTo(path: string) {
  return hooks.requests.filter((request) => request.path === path);
}

describe('an endpoint that answers 410', () => {
  test('gets nothing any more until its owner enables it, also after a restart', async () => {
    hooks.route('/gone', { status: 410 });
    const url = hooks.url('/gone');
    expect(await deliveryOf(await deliverTo(url), isEnd)).toMatchObject({
      state: 'dead',
      dead_reason: 'gone',
      attempts: 1,
      status_code: 410,
    });
    const untried = { state: 'dead', dead_reason: 'endpoint_disabled', attempts: 0 };
    expect(await deliveryOf(await deliverTo(url), isEnd)).toMatchObject(untried);
    await server.restart();
    client = new EZThrottle({ apiKey: server.apiKey, baseUrl: server.url });
    expect(await deliveryOf(await deliverTo(url), isEnd)).toMatchObject(untried);
    expect(sentTo('/gone')).toHaveLength(1);

    const [endpoint] = await client.webhookEndpoints.list();
    expect(endpoint).toMatchObject({ url, enabled: false, disabled_by: 'gone' });
    hooks.route('/gone', { status: 204 });
    const enabled = await client.webhookEndpoints.enable(endpoint?.endpoint_id ?? '');
    expect(enabled).toMatchObject({ enabled: true, disabled_by: null, disabled_at: null });
    expect(await deliveryOf(await deliverTo(url), isEnd)).toMatchObject({ state: 'delivered' });

    const disabled = await client.webhookEndpoints.disable(enabled.endpoint_id);
    expect(disabled).toMatchObject({ enabled: false, disabled_by: 'owner' });
    expect(await deliveryOf(await deliverTo(url), isEnd)).toMatchObject(untried);
    await expect(client.webhookEndpoints.enable('ep_unknown')).rejects.toSatisfy(isNotFoundError);
  });

  test('takes no other address of its host with it', async () => {
    hooks.route('/left', { status: 410 });
    await deliveryOf(await deliverTo(hooks.url('/left')), isEnd);
    const other = await deliverTo(hooks.url('/stays'));
    expect(await deliveryOf(other, isEnd)).toMatchObject({ state: 'delivered' });
  });
});

test('an endpoint that names a delay gets nothing before it, and no attempt is counted for those held', async () => {
  const busy = await createUpstream({ status: 200 });
  try {
    busy.route('/', { status: 429, headers: { 'Retry-After': '2' } });
    const first = await deliverTo(busy.url('/'));
    await busy.waitFor((requests) => requests.length === 1);
    const refusedAt = Date.now();
    busy.route('/', { status: 204 });
    const others = await Promise.all([1, 2, 3].map(() => deliverTo(busy.url('/'))));
    const ended = await Promise.all(others.map((id) => deliveryOf(id, isEnd)));
    // Timers may be a little early against the wall clock.
    expect(Date.now() - refusedAt).toBeGreaterThan(1_900);
    expect(ended.map((delivery) => delivery?.attempts)).toEqual([1, 1, 1]);
    expect(await deliveryOf(first, isEnd)).toMatchObject({ state: 'delivered', attempts: 2 });
  } finally {
    await busy.close();
  }
});

test('a webhook is delivered from a region of its own that the server has, or not at all', async () => {
  const flags = { region: 'iad', 'delivery-give-up': '0s', rate: [`${target.origin}=1000`] };
  const regional = await startServer(flags);
  const client = new EZThrottle({ apiKey: regional.apiKey, baseUrl: regional.url });
  try {
    const webhooks = [
      { url: hooks.url('/served'), regions: ['fra', 'iad'] },
      { url: hooks.url('/unserved'), regions: ['fra'] },
    ];
    const { job_id } = await client.submitJob({ url: target.url('/regional'), webhooks });
    const { deliveries } = await until(
      () => client.jobs.get(job_id),
      (job) => job.deliveries.length === 2 && job.deliveries.every(({ state }) => isEnd(state)),
    );
    expect(deliveries).toMatchObject([
      { state: 'delivered' },
      { state: 'dead', dead_reason: 'gave_up', attempts: 0 },
    ]);
    expect(sentTo('/unserved')).toEqual([]);
  } finally {
    await client.close();
    await regional.close();
  }
});

describe('ed25519 keys', () => {
  test('sign what a receiver takes that knows only their public half, across a rotation', async () => {
    const { signingKeys } = client.webhookSecrets;
    await expect(signingKeys.get()).rejects.toSatisfy(isNotFoundError);
    const first = await signingKeys.create();
    expect(first).toEqual({
      public_key: expect.stringMatching(/^whpk_[A-Za-z\d+/]{43}=$/),
      previous_public_key: null,
    });
    await expect(signingKeys.create()).rejects.toSatisfy(isConflictError);

    expect(await receivedWith(first.public_key, '/first')).toBe(200);
    const second = await signingKeys.rotate();
    expect(second.previous_public_key).toBe(first.public_key);
    expect(await receivedWith(first.public_key, '/second')).toBe(200);
    expect(await receivedWith(second.public_key, '/second')).toBe(200);
    const third = await signingKeys.rotate();
    expect(await receivedWith(first.public_key, '/third')).toBe(401);
    expect(await receivedWith(third.public_key, '/third')).toBe(200);
    expect(sentTo('/third')[0]?.headers['webhook-signature']).toMatch(/^v1,\S+ v1a,\S+ v1a,\S+$/);

    await signingKeys.delete();
    expect(await receivedWith(third.public_key, '/without')).toBe(401);
  });

  /** What a receiver answers that knows this key alone. */
  async function receivedWith(publicKey: string, path: string): Promise<number> {
    const url = hooks.url(path);
    if (sentTo(path).length === 0) await deliveryOf(await deliverTo(url), isEnd);
    const [sent] = sentTo(path);
    if (sent === undefined) throw new Error('nothing was delivered');
    const receiver = createReceiver({
      schemes: [standardWebhooksEd25519({ publicKeys: [publicKey] })],
    });
    const { method, headers, bodyBytes } = sent;
    const request = new Request(url, { method, headers, body: Buffer.from(bodyBytes) });
    return (await receiver.handle(request)).status;
  }
});
