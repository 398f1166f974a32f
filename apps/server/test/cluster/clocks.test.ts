import { randomUUID } from 'node:crypto';
import { createUpstream } from '@ezthrottle/testkit';
import { expect, test } from 'vitest';
import { startCluster } from './cluster.ts';

/** Enough that each of two nodes calls some of them. */
const TARGETS = 12;

/** Ten minutes. */
const AHEAD = 'data:text/javascript,const now = Date.now; Date.now = () => now() + 600_000;';

test('a node calls at once what a node whose clock is ahead has taken in, and the other way round', async () => {
  await using resources = new AsyncDisposableStack();
  const cluster = resources.use(await startCluster(1));
  await cluster.start([], AHEAD);
  const targets = await Promise.all(Array.from({ length: TARGETS }, () => createUpstream()));
  for (const target of targets) resources.defer(() => target.close());
  for (const node of cluster.nodes) {
    for (const target of targets) {
      const { status } = await node.call('POST', '/api/v1/jobs', {
        url: target.url('/call'),
        idempotent_key: randomUUID(),
      });
      expect(status).toBe(201);
    }
  }
  await Promise.all(targets.map((target) => target.waitFor(cluster.nodes.length, 30_000)));
}, 60_000);
