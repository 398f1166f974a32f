import { slotOf } from '@ezthrottle/engine';
import type { Upstream } from '@ezthrottle/testkit';
import { Client } from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { textOf, until } from '../running-server.ts';
import { type Cluster, type NodeProcess, startCluster } from './cluster.ts';
import { spreadTargets, type SpreadTargets } from './limit-load.ts';

let cluster: Cluster;
let spread: SpreadTargets;

beforeEach(async () => {
  cluster = await startCluster(2);
  spread = await spreadTargets(cluster, 2, 0);
});
afterEach(async () => {
  await spread[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
});

/** The node that calls this target, and the other one. */
async function nodesOf({ origin }: Upstream): Promise<readonly [NodeProcess, NodeProcess]> {
  const client = new Client({ connectionString: cluster.database.url });
  await client.connect();
  try {
    const known = await client.query<{ id: string }>(
      'SELECT public_id::text AS id FROM ezthrottle.organizations',
    );
    const slot = slotOf(known.rows[0]?.id ?? '', origin);
    const { rows } = await client.query<{ url: string }>(
      'SELECT url FROM ezthrottle.nodes JOIN ezthrottle.slots ON owner = node WHERE slot = $1',
      [slot],
    );
    const owner = cluster.nodes.find(({ url }) => url === rows[0]?.url);
    const other = cluster.nodes.find((node) => node !== owner);
    if (owner === undefined || other === undefined) throw new Error('nobody has this target');
    return [owner, other];
  } finally {
    await client.end();
  }
}

test('a fallback that a dead node was calling is called again, though its job is at home elsewhere', async () => {
  const [first, second] = spread.byNode.map(([target]) => target);
  if (first === undefined || second === undefined) throw new Error('two targets at two nodes');
  first.script({ status: 418 });
  // The first call is never answered.
  second.script(({ sequence }) =>
    sequence === 1 ? { fault: 'hang_before_headers' } : { status: 200, body: 'done' },
  );
  const [owner, other] = await nodesOf(second);
  const submitted = await other.call('POST', '/api/v1/jobs', {
    url: first.url('/charge'),
    fallback_job: { url: second.url('/charge'), trigger: { type: 'on_error', codes: [418] } },
  });
  expect(submitted.status).toBe(201);
  const id = textOf(submitted.json['job_id']);
  await second.waitFor(1);
  await owner.end('SIGKILL');
  await second.waitFor(2, 30_000);
  const ended = await until(
    () => other.call('GET', `/api/v1/jobs/${id}`),
    ({ json }) => json['status'] === 'success' || json['status'] === 'failed',
  );
  expect(ended.json).toMatchObject({ status: 'success' });
  const numbers = second.requests.map(({ headers }) => headers['x-ezthrottle-attempt']);
  expect(numbers).toEqual(['2', '3']);
}, 90_000);
