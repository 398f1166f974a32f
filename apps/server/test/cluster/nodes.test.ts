import { createUpstream, type RecordedRequest, type Upstream } from '@ezthrottle/testkit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { objectOf, request, textOf, until } from '../running-server.ts';
import { type Cluster, type NodeProcess, startCluster } from './cluster.ts';

let cluster: Cluster;
let target: Upstream;
let webhook: Upstream;

beforeEach(async () => {
  target = await createUpstream({ status: 200, body: 'done' });
  webhook = await createUpstream({ status: 200 });
});
afterEach(async () => {
  await cluster[Symbol.asyncDispose]();
  await Promise.all([target.close(), webhook.close()]);
});

function deliveredJobs(requests: readonly RecordedRequest[]): ReadonlySet<string> {
  return new Set(requests.map(({ body }) => textOf(objectOf(JSON.parse(body))['job_id'])));
}

async function submit(node: NodeProcess, number: number): Promise<string> {
  const reply = await node.call('POST', '/api/v1/jobs', {
    url: target.url(`/job/${number}`),
    idempotent_key: `job-${number}`,
    webhooks: [{ url: webhook.url('/hook') }],
  });
  expect([200, 201]).toContain(reply.status);
  return textOf(reply.json['job_id']);
}

describe('several nodes on one database', () => {
  test('whichever node takes a job in, it is called once and delivered', async () => {
    cluster = await startCluster(3, { flags: ['--rate', `${target.origin}=500`] });
    const ids = await Promise.all(
      Array.from({ length: 90 }, (_, number) => {
        const node = cluster.nodes[number % 3];
        if (node === undefined) throw new Error('no node');
        return submit(node, number);
      }),
    );
    await webhook.waitFor((requests) => deliveredJobs(requests).size >= 90, 20_000);
    expect(new Set(ids).size).toBe(90);
    expect(target.requests).toHaveLength(90);
    const [node] = cluster.nodes;
    const read = await node?.call('GET', `/api/v1/jobs/${ids[1]}`);
    expect(read?.json).toMatchObject({ status: 'success' });
  }, 60_000);

  test('a node that is killed leaves nothing behind that the others do not finish', async () => {
    cluster = await startCluster(2, { flags: ['--rate', `${target.origin}=50`] });
    const [first, second] = cluster.nodes;
    if (first === undefined || second === undefined) throw new Error('no nodes');
    const ids = await Promise.all(
      Array.from({ length: 100 }, (_, number) => submit(number % 2 ? first : second, number)),
    );
    await target.waitFor(10);
    await first.end('SIGKILL');
    await webhook.waitFor((requests) => deliveredJobs(requests).size >= 100, 40_000);
    const states = await Promise.all(
      ids.map(async (id) => (await second.call('GET', `/api/v1/jobs/${id}`)).json['status']),
    );
    expect(new Set(states)).toEqual(new Set(['success']));
  }, 90_000);

  test('while the database is away everybody is told to come back, and then all goes on', async () => {
    cluster = await startCluster(2, { flags: ['--rate', `${target.origin}=500`] });
    const [first, second] = cluster.nodes;
    if (first === undefined || second === undefined) throw new Error('no nodes');
    const id = await submit(first, 1);
    await cluster.database.stop('immediate');
    for (const node of [first, second]) {
      const read = await until(
        () => node.call('GET', `/api/v1/jobs/${id}`),
        ({ status }) => status !== 200,
      );
      expect([read.status, read.headers.get('retry-after')]).toEqual([503, '2']);
    }
    const refused = await until(
      () => first.call('POST', '/api/v1/jobs', { url: target.url('/3') }),
      ({ status }) => status !== 201,
    );
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '2']);
    // To start them anew would help nobody; to send them requests neither.
    for (const { url } of [first, second]) {
      expect((await request(`${url}/live`, 'GET')).json).toEqual({ status: 'alive' });
      expect((await request(`${url}/ready`, 'GET')).json).toEqual({ status: 'store_failed' });
    }
    await cluster.database.restart();
    await until(
      () => second.call('GET', `/api/v1/jobs/${id}`),
      ({ json }) => json['status'] === 'success',
    );
    await until(
      () => first.call('GET', '/ready'),
      ({ status }) => status === 200,
    );
    const late = await submit(first, 2);
    await webhook.waitFor((requests) => deliveredJobs(requests).has(late), 30_000);
    expect((await second.call('GET', `/api/v1/jobs/${late}`)).json['status']).toBe('success');
    for (const { said } of [first, second]) {
      const log = await until(
        () => Promise.resolve(said()),
        (text) => text.includes('"event":"store_back"'),
      );
      expect(log.split('"event":"store_away"')).toHaveLength(2);
      expect(log).not.toContain('"stack"');
    }
  }, 90_000);

  test('a node that is asked to stop hands its slots over and loses nothing', async () => {
    cluster = await startCluster(2, { flags: ['--rate', `${target.origin}=50`] });
    const [first, second] = cluster.nodes;
    if (first === undefined || second === undefined) throw new Error('no nodes');
    const ids = await Promise.all(
      Array.from({ length: 100 }, (_, number) => submit(number % 2 ? first : second, number)),
    );
    await target.waitFor(10);
    await first.end('SIGTERM');
    expect(first.process.exitCode).toBe(0);
    await webhook.waitFor((requests) => deliveredJobs(requests).size >= 100, 40_000);
    expect(target.requests).toHaveLength(100);
    await until(
      () => second.call('GET', `/api/v1/jobs/${ids[0]}`),
      ({ json }) => json['status'] === 'success',
    );
  }, 90_000);
});

describe('what a node tells of jobs that another one admits', () => {
  test('whichever node is asked, it explains why a job waits and streams what happens to it', async () => {
    cluster = await startCluster(2, { flags: ['--rate', `${target.origin}=2`] });
    const [first, second] = cluster.nodes;
    if (first === undefined || second === undefined) throw new Error('no nodes');
    const ids: string[] = [];
    for (let number = 0; number < 24; number += 1) ids.push(await submit(first, number));
    const last = ids.at(-1) ?? '';
    for (const node of [first, second]) {
      // Nodes that have just started do not know yet where the others are reached.
      const { json } = await until(
        () => node.call('GET', `/api/v1/jobs/${last}/explain`),
        (reply) => Number(reply.json['position']) > 1,
      );
      expect(json['estimated_start']).toBeGreaterThan(Date.now());
    }
    const events = await Promise.all(
      [first, second].map(async (node) => {
        const { text } = await node.call('GET', `/api/v1/jobs/${last}/stream`);
        return [...text.matchAll(/^event: (.+)$/gm)].map(([, name]) => name);
      }),
    );
    for (const names of events) {
      expect(names).toEqual(
        expect.arrayContaining(['queued', 'waiting', 'position', 'dispatching']),
      );
      expect(names.at(-1)).toBe('completed');
    }
  }, 60_000);
});
