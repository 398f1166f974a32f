import { createHmac } from 'node:crypto';
import type { DeliveryRecord, Executor, NewDelivery, Store } from '@ezthrottle/engine';
import { createUpstream, FakeClock, type Upstream } from '@ezthrottle/testkit';
import {
  API_KEY,
  endingAdvance,
  newArmed,
  newDelivery,
  newEnd,
  newEnded,
  newJob,
  newSpec,
  ORGANIZATION,
  type StoreUnderTest,
} from '@ezthrottle/testkit/store-suite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createDeliverer, type Deliverer } from '../src/deliver/deliverer.ts';
import type { DelivererOptions } from '../src/deliver/deliverer-options.ts';
import { type Committer, createCommitter } from '../src/commit/committer.ts';
import type { SettledAttempt } from '../src/deliver/delivery-attempt.ts';
import { pendingDelivery } from '../src/deliver/pending-delivery.ts';
import { createUndiciExecutor } from '../src/execute/undici-executor.ts';
import { createAddressPolicy } from '../src/net/address-policy.ts';
import { openTemporaryStore } from './temporary-store.ts';

const SECRET = 'a secret of some length';

let opened: StoreUnderTest;
let store: Store;
let committer: Committer;
let upstream: Upstream;
let clock: FakeClock;
let executors: Executor[];
let deliverers: Deliverer[];
let settled: SettledAttempt[];
let waiters: { readonly count: number; readonly resolve: () => void }[];
let logged: string[];

beforeEach(async () => {
  opened = await openTemporaryStore();
  store = opened.store;
  committer = createCommitter({ store, onFatal: (error) => logged.push(error.message) });
  clock = new FakeClock();
  upstream = await createUpstream({ status: 204 });
  [executors, deliverers, settled, waiters, logged] = [[], [], [], [], []];
  await store.commit([
    { type: 'put_organization', organization: ORGANIZATION },
    { type: 'put_api_key', apiKey: API_KEY },
  ]);
});

afterEach(async () => {
  await Promise.all(executors.map((executor) => executor.close()));
  await Promise.all(deliverers.map((deliverer) => deliverer.stop()));
  await upstream.close();
  await committer.close();
  await opened.close();
});

function deliverer(changes: Partial<DelivererOptions> = {}): Deliverer {
  const executor = createUndiciExecutor({
    clock,
    policy: createAddressPolicy({ allowLoopback: true }),
  });
  executors.push(executor);
  let tokens = 0;
  const created = createDeliverer({
    store,
    committer,
    executor,
    clock,
    secretsOf: async () => [SECRET, 'the one before'],
    delaysMs: [0, 1_000, 5_000],
    giveUpMs: 60_000,
    timeoutMs: 2_000,
    random: () => 0,
    newToken: () => `token ${(tokens += 1)}`,
    logger: {
      warn: (_details, message) => logged.push(message),
      error: (_details, message) => logged.push(message),
    },
    onSettled: (attempt) => {
      settled.push(attempt);
      for (const waiter of waiters) if (settled.length >= waiter.count) waiter.resolve();
    },
    ...changes,
  });
  deliverers.push(created);
  return created;
}

/** Resolves when so many attempts have been settled. */
function settlements(count: number): Promise<void> {
  return new Promise((resolve) => {
    if (settled.length >= count) resolve();
    else waiters.push({ count, resolve });
  });
}

/** A job that ended with an answer, and its pending deliveries. */
async function endedJob(...deliveries: readonly NewDelivery[]): Promise<readonly DeliveryRecord[]> {
  const job = newJob({
    armed: [newArmed()],
    spec: newSpec({ metadata: { order: 7 }, tags: ['red'] }),
  });
  const now = clock.now();
  const response = {
    status: 200,
    headers: { 'content-type': 'text/plain' },
    body: 'grüße',
    bodyEncoding: 'utf8',
    truncated: false,
  } as const;
  const verdicts = await store.commit([
    { type: 'submit', job },
    endingAdvance(job.id, 1, newEnd({ attempt: 1, at: now }), {
      ended: [newEnded({ response })],
      deliveries,
    }),
  ]);
  expect(verdicts).toEqual([{ verdict: 'ok' }, { verdict: 'ok' }]);
  return deliveries.map((delivery) => pendingDelivery(job, delivery, now));
}

function dueNow(changes: Partial<NewDelivery> = {}): NewDelivery {
  return newDelivery({ url: upstream.url('/hook'), nextAttemptAt: clock.now(), ...changes });
}

async function storedDelivery(delivery: DeliveryRecord): Promise<DeliveryRecord | undefined> {
  const all = await store.jobs.deliveries(delivery.jobId);
  return all.find(({ id }) => id === delivery.id);
}

describe('a delivery', () => {
  test('brings the result, signed with the primary secret, as soon as it is offered', async () => {
    const [record] = await endedJob(dueNow());
    if (record === undefined) throw new Error('no delivery');
    const service = deliverer();
    await service.start();

    service.offer([record]);
    await settlements(1);

    const [request] = upstream.requests;
    expect(request).toMatchObject({ method: 'POST', path: '/hook' });
    expect(JSON.parse(request?.body ?? '')).toMatchObject({
      delivery_id: record.id,
      endpoint_id: record.endpointId,
      attempt: 1,
      job_id: record.jobId,
      status: 'success',
      response: { status_code: 200, body: 'grüße' },
      metadata: { order: 7 },
      tags: ['red'],
    });
    const seconds = Math.floor(clock.now() / 1_000);
    const digest = createHmac('sha256', SECRET).update(`${seconds}.${request?.body}`).digest('hex');
    expect(request?.headers).toMatchObject({
      'content-type': 'application/json',
      'user-agent': 'EZThrottle-Webhooks',
      'x-ezthrottle-delivery': record.id,
      'x-ezthrottle-attempt': '1',
      'x-ezthrottle-signature': `t=${seconds},v1=${digest}`,
    });
    expect(await storedDelivery(record)).toMatchObject({
      state: 'delivered',
      attempts: 1,
      statusCode: 204,
    });
  });

  test('is found in the store after a start', async () => {
    const [record] = await endedJob(dueNow());

    await deliverer().start();
    await clock.advance(0);
    await settlements(1);

    expect(settled).toMatchObject([{ settled: { deliveryId: record?.id, attempt: 1 } }]);
  });

  test('goes out unsigned when the organization has no secret', async () => {
    await endedJob(dueNow());

    await deliverer({ secretsOf: async () => [] }).start();
    await clock.advance(0);
    await settlements(1);

    expect(upstream.requests[0]?.headers).not.toHaveProperty('x-ezthrottle-signature');
  });

  test('is tried again after the schedule’s waits, under the same id, until it is taken', async () => {
    upstream.script([{ status: 500 }, { fault: 'reset_before_headers' }, { status: 200 }]);
    const [record] = await endedJob(dueNow());
    await deliverer().start();

    await clock.advance(0);
    await settlements(1);
    await clock.advance(999);
    expect(upstream.requests).toHaveLength(1);
    await clock.advance(1);
    await settlements(2);
    await clock.advance(5_000);
    await settlements(3);

    expect(settled.map((attempt) => attempt.settled)).toMatchObject([
      { attempt: 1, statusCode: 500, error: null },
      { attempt: 2, statusCode: null, error: expect.stringContaining('connection_reset') },
      { attempt: 3, statusCode: 200, next: { state: 'delivered' } },
    ]);
    const ids = upstream.requests.map((request) => request.headers['x-ezthrottle-delivery']);
    expect(new Set(ids)).toEqual(new Set([record?.id]));
    expect(upstream.requests.map((request) => JSON.parse(request.body).attempt)).toEqual([1, 2, 3]);
  });

  test('that is never taken ends dead and stays readable', async () => {
    upstream.script({ status: 500 });
    const [record] = await endedJob(dueNow());
    if (record === undefined) throw new Error('no delivery');
    await deliverer({ giveUpMs: 1_500 }).start();

    await clock.advance(0);
    await settlements(1);
    await clock.advance(1_000);
    await settlements(2);

    expect(await storedDelivery(record)).toMatchObject({
      state: 'dead',
      attempts: 2,
      statusCode: 500,
      nextAttemptAt: null,
    });
    await clock.advance(100_000);
    expect(upstream.requests).toHaveLength(2);
  });

  test('to an address that may not be called is dead at once, and says why', async () => {
    const [record] = await endedJob(dueNow({ url: 'http://169.254.169.254/latest' }));
    if (record === undefined) throw new Error('no delivery');
    const service = deliverer();
    await service.start();

    service.offer([record]);
    await settlements(1);

    expect(await storedDelivery(record)).toMatchObject({
      state: 'dead',
      error: expect.stringContaining('address_refused'),
    });
  });

  test('whose endpoint does not answer in time is tried again', async () => {
    upstream.script([{ fault: 'hang_before_headers' }, { status: 200 }]);
    await endedJob(dueNow());
    await deliverer().start();

    await clock.advance(0);
    await upstream.waitFor(1);
    await clock.advance(2_000);
    await settlements(1);
    await clock.advance(1_000);
    await settlements(2);

    expect(settled.map((attempt) => attempt.settled)).toMatchObject([
      { attempt: 1, error: expect.stringContaining('timeout') },
      { attempt: 2, statusCode: 200 },
    ]);
  });
});

describe('the deliverer', () => {
  test('lets an endpoint that hangs hold up nobody else', async () => {
    const slow = await createUpstream({ fault: 'hang_before_headers' });
    const toSlow = Array.from({ length: 10 }, (_, index) =>
      dueNow({ webhook: index, url: slow.url(`/${index}`) }),
    );
    const toQuick = Array.from({ length: 10 }, (_, index) => dueNow({ webhook: index }));
    const records = [...(await endedJob(...toSlow)), ...(await endedJob(...toQuick))];
    const service = deliverer({ concurrency: 3, perEndpointConcurrency: 2 });
    await service.start();

    service.offer(records);
    await settlements(10);

    expect(upstream.requests).toHaveLength(10);
    expect(slow.requests).toHaveLength(2);
    expect(service.counts()).toEqual({ running: 2, waiting: 8 });
    await slow.close();
  });

  test('after a crash sends again what it had not settled, under the same id and number', async () => {
    const [record] = await endedJob(dueNow());
    let crash = (): void => {};
    const crashed = new Promise<void>((resolve) => {
      crash = resolve;
    });
    const before = deliverer({
      committer: {
        write: () => {
          crash();
          return new Promise(() => {});
        },
      },
    });
    await before.start();
    await clock.advance(0);
    await crashed;
    deliverers.splice(deliverers.indexOf(before), 1);

    await deliverer().start();
    await clock.advance(0);
    await settlements(1);

    const seen = upstream.requests.map((request) => JSON.parse(request.body));
    expect(seen).toMatchObject([
      { delivery_id: record?.id, attempt: 1 },
      { delivery_id: record?.id, attempt: 1 },
    ]);
    expect(settled).toMatchObject([{ settled: { attempt: 1, next: { state: 'delivered' } } }]);
  });

  test('does not count an attempt that somebody else has settled', async () => {
    const [record] = await endedJob(dueNow());
    if (record === undefined) throw new Error('no delivery');
    const [first, second] = [deliverer(), deliverer()];
    await Promise.all([first.start(), second.start()]);

    first.offer([record]);
    second.offer([record]);
    await Promise.all([settlements(1), upstream.waitFor(2)]);
    await Promise.all([first.stop(), second.stop()]);

    expect(settled).toHaveLength(1);
    expect(await storedDelivery(record)).toMatchObject({ state: 'delivered', attempts: 1 });
  });

  test('sends a delivery once, however often it is offered and found', async () => {
    const [record] = await endedJob(dueNow());
    if (record === undefined) throw new Error('no delivery');
    const service = deliverer();
    await Promise.all([service.start(), service.start()]);

    service.offer([record, record]);
    service.wake();
    await clock.advance(0);
    await settlements(1);
    service.wake();
    await clock.advance(1_000);

    expect(upstream.requests).toHaveLength(1);
  });

  test('waits for what it has sent when it is stopped, and begins nothing more', async () => {
    let answer = (): void => {};
    const gate = new Promise<void>((resolve) => {
      answer = resolve;
    });
    upstream.script(async () => {
      await gate;
      return { status: 200 };
    });
    const records = await endedJob(dueNow({ webhook: 0 }), dueNow({ webhook: 1 }));
    const service = deliverer({ concurrency: 1 });
    await service.start();
    service.offer(records);
    await upstream.waitFor(1);

    const stopped = service.stop();
    answer();
    await stopped;

    expect(settled).toMatchObject([{ settled: { next: { state: 'delivered' } } }]);
    expect(upstream.requests).toHaveLength(1);
    expect(service.counts()).toEqual({ running: 0, waiting: 0 });
  });

  test('breaks off what does not answer before the bound of a stop; it goes out after the next start', async () => {
    upstream.script([{ fault: 'hang_before_headers' }, { status: 200 }]);
    const [record] = await endedJob(dueNow());
    if (record === undefined) throw new Error('no delivery');
    const service = deliverer({ stopTimeoutMs: 500 });
    await service.start();
    service.offer([record]);
    await upstream.waitFor(1);

    const stopped = service.stop();
    await clock.advance(500);
    await stopped;
    expect(await storedDelivery(record)).toMatchObject({ state: 'pending', attempts: 0 });

    await service.start();
    await clock.advance(0);
    await settlements(1);
    expect(settled).toMatchObject([{ settled: { attempt: 1, statusCode: 200 } }]);
  });

  test('keeps a delivery pending when its result or secrets cannot be read, and tries again later', async () => {
    const [record] = await endedJob(dueNow());
    let isBroken = true;
    const service = deliverer({
      secretsOf: async () => {
        if (isBroken) throw new Error('sealed');
        return [SECRET];
      },
    });
    await service.start();

    await clock.advance(10_000);
    expect(logged).toEqual(['delivery attempt failed on our side']);
    expect(upstream.requests).toHaveLength(0);
    isBroken = false;
    await clock.advance(30_000);
    await settlements(1);

    expect(settled).toMatchObject([{ settled: { deliveryId: record?.id, attempt: 1 } }]);
  });

  test('works off a line longer than it keeps in memory', async () => {
    const line = Array.from({ length: 1_500 }, (_, webhook) => dueNow({ webhook }));
    await endedJob(...line);
    const service = deliverer({ perEndpointConcurrency: 64 });
    await service.start();

    let isDone = false;
    const done = settlements(line.length).then(() => {
      isDone = true;
    });
    // Each step is a moment's rest of the deliverer between two looks into the store.
    for (let step = 0; step < 2_000 && !isDone; step += 1) {
      await clock.advance(20);
      expect(service.counts().waiting).toBeLessThanOrEqual(1_000);
    }
    await done;

    expect(new Set(settled.map(({ delivery }) => delivery.id)).size).toBe(line.length);
    expect(upstream.requests).toHaveLength(line.length);
  });

  test('does not send again and again what the store refuses to settle', async () => {
    await endedJob(dueNow());
    const service = deliverer({
      committer: { write: async () => ({ verdict: 'rejected', reason: 'a row it refuses' }) },
    });
    await service.start();

    await clock.advance(0);
    await upstream.waitFor((requests) => requests[0]?.state === 'answered');
    await clock.advance(29_000);
    expect(upstream.requests).toHaveLength(1);
    await clock.advance(2_000);
    await upstream.waitFor(2);

    expect(logged[0]).toBe('delivery dropped');
  });
});
