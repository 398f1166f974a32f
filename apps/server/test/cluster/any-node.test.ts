import { randomUUID } from 'node:crypto';
import { createUpstream, type Upstream } from '@ezthrottle/testkit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { textOf, until } from '../running-server.ts';
import { type Cluster, type NodeProcess, startCluster } from './cluster.ts';

let cluster: Cluster;
let target: Upstream;

beforeEach(async () => {
  target = await createUpstream({ status: 200, body: 'done' });
});
afterEach(async () => {
  await cluster[Symbol.asyncDispose]();
  await target.close();
});

async function twoNodes(...flags: readonly string[]): Promise<readonly [NodeProcess, NodeProcess]> {
  cluster = await startCluster(2, { flags: ['--rate', `${target.origin}=100`, ...flags] });
  const [first, second] = cluster.nodes;
  if (first === undefined || second === undefined) throw new Error('no nodes');
  return [first, second];
}

/** Both ways round: one of the two does not have the line. */
function bothWays<Node>([one, other]: readonly [Node, Node]): readonly (readonly [Node, Node])[] {
  return [
    [one, other],
    [other, one],
  ];
}

describe('whichever node is asked', () => {
  test('a secret and a limit that were just made at one node serve jobs of every node', async () => {
    const nodes = await twoNodes();
    for (const [turn, [maker, submitter]] of bothWays(nodes).entries()) {
      const name = `TOKEN_${turn}`;
      const value = `value-${turn}-of-a-secret`;
      await maker.call('PUT', `/api/v1/secrets/${name}`, { value, origins: ['*'] });
      await maker.call('PUT', `/api/v1/limits/limit-${turn}`, { rate: 50, burst: 5 });
      for (const node of [submitter, maker]) {
        const reply = await node.call('POST', '/api/v1/jobs', {
          url: target.url('/with'),
          headers: { 'x-token': `{{secret.${name}}}` },
          limits: [{ key: `limit-${turn}` }],
          idempotent_key: randomUUID(),
        });
        expect(reply.status).toBe(201);
      }
      await target.waitFor((requests) => requests.length >= 2 * (turn + 1), 15_000);
      expect(target.requests.at(-1)?.headers['x-token']).toBe(value);
    }
  }, 60_000);

  test('those who replace a job at the same time all do, one after the other, and the last one stays', async () => {
    const nodes = await twoNodes();
    const submit = (node: NodeProcess, body: string) =>
      node.call('POST', '/api/v1/jobs', {
        url: target.url('/replaced'),
        method: 'POST',
        body,
        idempotent_key: 'the one',
        on_conflict: 'replace',
        retry_at: Date.now() + 600_000,
      });
    const [one, other] = nodes;
    const replies = await Promise.all(
      Array.from({ length: 16 }, (_, turn) => submit(turn % 2 ? one : other, `turn ${turn}`)),
    );
    expect(replies.map(({ status }) => status)).toEqual(Array(16).fill(201));
    const ids = replies.map(({ json }) => textOf(json['job_id']));
    const states = await Promise.all(
      ids.map(async (id) => (await one.call('GET', `/api/v1/jobs/${id}`)).json['state']),
    );
    expect(states.map(String).toSorted((one, other) => (one < other ? -1 : 1))).toEqual([
      ...Array(15).fill('cancelled'),
      'scheduled',
    ]);
    const replaced = replies.flatMap(({ json }) => json['replaced_job_id'] ?? []);
    expect(new Set(replaced).size).toBe(15);
  }, 60_000);

  test.each([{ flags: [] }, { flags: ['--no-database-notify'] }])(
    'a cancelled job has its call broken off and kept in its record, and who waits or watches learns the end ($flags)',
    async ({ flags }) => {
      target.script({ status: 200, delayMs: 20_000 });
      const nodes = await twoNodes(...flags);
      for (const [submitter, other] of bothWays(nodes)) {
        const seen = target.requests.length;
        const { json } = await submitter.call('POST', '/api/v1/jobs', {
          url: target.url('/slow'),
          idempotent_key: randomUUID(),
        });
        const id = textOf(json['job_id']);
        await target.waitFor(seen + 1, 15_000);
        const watched = [submitter, other].map((node) =>
          node.call('GET', `/api/v1/jobs/${id}/stream`, undefined, AbortSignal.timeout(15_000)),
        );
        expect((await other.call('DELETE', `/api/v1/jobs/${id}`)).status).toBe(200);
        await target.waitFor((requests) => requests.at(-1)?.state === 'aborted', 12_000);
        for (const stream of await Promise.all(watched)) {
          expect(stream.text).toContain('event: cancelled');
        }
        const { json: record } = await submitter.call('GET', `/api/v1/jobs/${id}`);
        expect(record['attempts']).toMatchObject([
          { attempt: 1, outcome: 'aborted', started_at: expect.any(Number) },
        ]);
      }
    },
    90_000,
  );

  test('a destination stands the same; while its node stands still its state is not known, and why', async () => {
    const nodes = await twoNodes();
    const limit = `/api/v1/limits/${encodeURIComponent(`destination:${target.origin}`)}`;
    await nodes[0].call('PUT', limit, { rate: 50, paused: true });
    await nodes[0].call('POST', '/api/v1/jobs', {
      url: target.url('/held'),
      idempotent_key: randomUUID(),
    });
    for (const [node, other] of bothWays(nodes)) {
      // A node knows who has a line from its last heartbeat: of nodes that have just begun, one may not know yet.
      const [held, listed] = await until(
        () => Promise.all([node.call('GET', limit), other.call('GET', '/api/v1/limits')]),
        (replies) => replies.every(({ text }) => text.includes('"waiting":1')),
      );
      expect(held.json['state']).toMatchObject({ rate: 50, paused_by: 'hand', in_flight: 0 });
      expect(listed.json['limits']).toEqual([held.json]);
    }
    let told: unknown = null;
    for (const [silent, asked] of bothWays(nodes)) {
      silent.process.kill('SIGSTOP');
      const { json } = await asked.call('GET', limit);
      silent.process.kill('SIGCONT');
      told = json;
      // The other one has it, and needs nobody.
      if (json['state'] === null) break;
      expect(json['state']).toMatchObject({ waiting: 1 });
    }
    expect(told).toMatchObject({ state: null, warnings: [{ path: 'state' }] });
  }, 60_000);
});
