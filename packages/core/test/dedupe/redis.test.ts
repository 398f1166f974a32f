import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { redisDedupe } from '@ezthrottle/core/dedupe/redis';
import { createReceiver } from '@ezthrottle/core/webhooks';
import { dedupeStoreChecks, signedRequest } from '@ezthrottle/testing';
import { Cluster, Redis } from 'ioredis';
import { createClient, createClientPool, createCluster } from 'redis';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { startRedis } from '../../../../scripts/services/redis.ts';

const resources = new AsyncDisposableStack();
let client: Redis;
let url: string;

beforeAll(async () => {
  ({ url } = resources.use(await startRedis()));
  client = new Redis(url);
  resources.defer(() => client.disconnect());
}, 180_000);

afterAll(() => resources.disposeAsync());

/** Nobody else's, on a Redis that may be shared. */
const prefix = `dedupe_test_${randomUUID()}:`;
const lease = { leaseMs: 60_000, token: 'a' };

test('a Redis that has forgotten the scripts is told them again', async () => {
  const nodeRedis = createClient({ url });
  await nodeRedis.connect();
  const stores = [redisDedupe(client, { prefix }), redisDedupe(nodeRedis, { prefix })];
  for (const [index, store] of stores.entries()) {
    await store.begin(`before ${index}`, lease);
    await client.script('FLUSH');
    expect(await store.begin(`after ${index}`, lease)).toBe('acquired');
    expect(await store.commit(`after ${index}`, 'a', 60_000)).toBe(true);
    expect(await store.release(`before ${index}`, 'a')).toBe(true);
  }
  nodeRedis.destroy();
});

test('a command that the client sends again after a broken connection is answered as before', async () => {
  const store = redisDedupe(client, { prefix });
  expect(await store.begin('twice', lease)).toBe('acquired');
  expect(await store.begin('twice', lease)).toBe('acquired');
  expect(await store.commit('twice', 'a', 60_000)).toBe(true);
  expect(await store.commit('twice', 'a', 60_000)).toBe(true);
  expect(await store.begin('twice', lease)).toBe('done');
});

test('applications with different prefixes share a Redis and no delivery', async () => {
  const [one, other] = ['one:', 'other:'].map((each) =>
    redisDedupe(client, { prefix: prefix + each }),
  );
  expect(await one?.begin('id', lease)).toBe('acquired');
  expect(await other?.begin('id', lease)).toBe('acquired');
  expect(await client.keys(`${prefix}one:*`)).toEqual([`${prefix}one:id`]);
});

test('nothing stays in Redis without an end', async () => {
  const store = redisDedupe(client, { prefix });
  await store.begin('held', { leaseMs: 5_000, token: 'a' });
  await store.begin('done', { leaseMs: 5_000, token: 'a' });
  await store.commit('done', 'a', 90_000);
  const [held, done] = await Promise.all(['held', 'done'].map((id) => client.pttl(prefix + id)));
  expect(held).toBeGreaterThan(0);
  expect(held).toBeLessThanOrEqual(5_000);
  expect(done).toBeGreaterThan(5_000);
  expect(done).toBeLessThanOrEqual(90_000);
});

describe('without Redis', () => {
  test('a delivery is refused for now, and the error is reported', async () => {
    const gone = new Redis(url, { lazyConnect: true, retryStrategy: null });
    gone.on('error', () => undefined);
    await gone.connect();
    gone.disconnect();
    const errors: unknown[] = [];
    const secret = 'a secret of this test';
    const receiver = createReceiver({
      secrets: secret,
      dedupe: redisDedupe(gone),
      onError: (error) => errors.push(error),
      on: { any: () => errors.push('handled') },
    });
    const response = await receiver.handle(signedRequest({ secret }).toRequest());
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).not.toBeNull();
    expect(errors).toEqual([expect.objectContaining({ message: 'Connection is closed.' })]);
  });
});

describe('on a cluster', () => {
  const clients = new AsyncDisposableStack();
  let node: string;

  beforeAll(async () => {
    const cluster = clients.use(await startRedis({ cluster: true }));
    node = cluster.url;
    const admin = new Redis(node);
    await admin.cluster('ADDSLOTSRANGE', 0, 16_383);
    const isReady = async (): Promise<boolean> =>
      String(await admin.cluster('INFO')).includes('cluster_state:ok');
    await vi.waitUntil(isReady, { timeout: 10_000 });
    admin.disconnect();
  }, 60_000);

  afterAll(() => clients.disposeAsync());

  test('every promise holds over ioredis and node-redis together', async () => {
    const one = new Cluster([node]);
    clients.defer(() => one.disconnect());
    const other = createCluster({ rootNodes: [{ url: node }] });
    await other.connect();
    clients.defer(() => other.destroy());
    const stores = [redisDedupe(one), redisDedupe(other)];
    let next = 0;
    const open = (): (typeof stores)[number] => {
      next += 1;
      return stores[next % 2] ?? redisDedupe(one);
    };
    for (const check of Object.values(dedupeStoreChecks))
      await check({ open, pass: (ms) => sleep(ms) });
  });
});

test('a pool of connections is a client, too', async () => {
  const pool = createClientPool({ url });
  await pool.connect();
  const store = redisDedupe(pool, { prefix });
  expect(await store.begin('by a pool', lease)).toBe('acquired');
  expect(await store.commit('by a pool', 'a', 60_000)).toBe(true);
  pool.destroy();
});
