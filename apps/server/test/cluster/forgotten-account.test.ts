import { createUpstream } from '@ezthrottle/testkit';
import { expect, test } from 'vitest';
import { textOf, until } from '../running-server.ts';
import { type NodeProcess, startCluster } from './cluster.ts';

const DATA = '/api/v1/accounts/ada/data';

test("after the deletion of an account's data at one node, another one takes its jobs in anew, and the next deletion finds them", async () => {
  await using target = await createUpstream({ status: 200 });
  await using cluster = await startCluster(2, { flags: ['--rate', `${target.origin}=500`] });
  const [one, other] = cluster.nodes;
  if (one === undefined || other === undefined) throw new Error('two nodes');

  let made = 0;
  const done = async (node: NodeProcess): Promise<string> => {
    made += 1;
    const job = { url: target.url(`/job-${made}`), user_id: 'ada' };
    const { status, json } = await node.call('POST', '/api/v1/jobs', job);
    expect(status).toBe(201);
    const id = textOf(json['job_id']);
    await until(
      () => node.call('GET', `/api/v1/jobs/${id}`),
      (reply) => reply.json['status'] === 'success',
    );
    return id;
  };
  const deleted = async (node: NodeProcess): Promise<unknown> => {
    expect((await node.call('DELETE', DATA)).status).toBe(202);
    const over = await until(
      () => node.call('GET', DATA),
      ({ json }) => json['status'] === 'done',
    );
    return over.json;
  };

  // Both know the name by now.
  for (const node of [one, other, one, other]) await Promise.all([done(node), done(node)]);
  expect(await deleted(one)).toMatchObject({ removed: 8, is_more_left: false });

  const fresh = await done(other);
  expect(await deleted(one)).toMatchObject({ removed: 1, is_more_left: false });
  for (const node of [one, other]) {
    expect((await node.call('GET', `/api/v1/jobs/${fresh}`)).status).toBe(404);
  }
}, 120_000);
