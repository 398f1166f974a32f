import { createUpstream, type Upstream } from '@ezthrottle/testkit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { textOf, until } from '../running-server.ts';
import { type Cluster, type NodeProcess, startCluster } from './cluster.ts';

let cluster: Cluster;
let target: Upstream;
let nodes: readonly NodeProcess[];

beforeEach(async () => {
  target = await createUpstream({ status: 200, body: 'done' });
  cluster = await startCluster(0);
  // Each region leaves from an address of its own, so that a target can tell them apart.
  nodes = await Promise.all([
    cluster.start(['--region', 'iad=127.0.0.11']),
    cluster.start(['--region', 'fra=127.0.0.12']),
  ]);
  for (const node of nodes) {
    await until(
      () => node.call('GET', '/health'),
      ({ text }) => text.includes('"iad"') && text.includes('"fra"'),
    );
  }
});
afterEach(async () => {
  await cluster[Symbol.asyncDispose]();
  await target.close();
});

async function run(body: object): Promise<Record<string, unknown>> {
  const [node] = nodes;
  if (node === undefined) throw new Error('no node');
  const reply = await node.call('POST', '/api/v1/jobs', { url: target.url('/region'), ...body });
  expect(reply.status).toBe(201);
  const id = textOf(reply.json['job_id']);
  const ended = await until(
    () => node.call('GET', `/api/v1/jobs/${id}`),
    ({ json }) => json['status'] === 'success' || json['status'] === 'failed',
  );
  return ended.json;
}

describe('nodes of different regions', () => {
  test('a call leaves from the node of its region, whichever node admits it', async () => {
    for (const region of ['iad', 'fra']) {
      const job = await run({ regions: [region], region_policy: 'strict', idempotent_key: region });
      expect(job).toMatchObject({ status: 'success' });
    }
    expect(target.requests.map(({ remoteAddress }) => remoteAddress)).toEqual([
      '127.0.0.11',
      '127.0.0.12',
    ]);
  }, 60_000);

  test('a race runs at all of them, and a fan-out reports each', async () => {
    await run({ regions: ['iad', 'fra'], execution_mode: 'fanout', idempotent_key: 'fan' });
    expect(target.requests.map(({ remoteAddress }) => remoteAddress).toSorted()).toEqual([
      '127.0.0.11',
      '127.0.0.12',
    ]);
  }, 60_000);

  test('when the node of a region is lost, the call goes from another one', async () => {
    const [, second] = nodes;
    await second?.end('SIGKILL');
    const job = await run({
      regions: ['fra', 'iad'],
      region_policy: 'fallback',
      idempotent_key: 'lost',
    });
    expect(job).toMatchObject({ status: 'success' });
    expect(target.requests.at(-1)?.remoteAddress).toBe('127.0.0.11');
  }, 60_000);
});
