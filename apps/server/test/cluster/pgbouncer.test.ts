import { createUpstream, type Upstream } from '@ezthrottle/testkit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type PgbouncerService, startPgbouncer } from '../../../../scripts/services/pgbouncer.ts';
import { textOf } from '../running-server.ts';
import { type Cluster, startCluster } from './cluster.ts';

let target: Upstream;
let cluster: Cluster;
let pooler: PgbouncerService;

beforeEach(async () => {
  target = await createUpstream({ status: 200, body: 'done' });
  cluster = await startCluster(0);
});

afterEach(async () => {
  await cluster[Symbol.asyncDispose]();
  await pooler[Symbol.asyncDispose]();
  await target.close();
});

/** Two nodes that share four sessions of the server. */
async function joinThrough(flags: readonly string[]): Promise<void> {
  const all = ['--database-url', pooler.url, '--rate', `${target.origin}=500`, ...flags];
  // The first one makes the tables.
  await cluster.start(all);
  await cluster.start(all);
}

async function callEach(count: number): Promise<void> {
  const jobs = await Promise.all(
    Array.from({ length: count }, async (_, number) => {
      const node = cluster.nodes[number % 2];
      const reply = await node?.call('POST', '/api/v1/jobs', { url: target.url(`/job/${number}`) });
      return textOf(reply?.json['job_id']);
    }),
  );
  await target.waitFor(count);
  expect(new Set(target.requests.map(({ path }) => path)).size).toBe(count);
  expect(target.requests).toHaveLength(count);
  expect(new Set(jobs).size).toBe(count);
}

describe('two nodes behind PgBouncer in transaction mode', () => {
  test('do each job once, without named statements, and hear each other beside it', async () => {
    pooler = await startPgbouncer({ databaseUrl: cluster.database.url });
    await joinThrough(['--no-database-prepare', '--database-listen-url', cluster.database.url]);
    await callEach(60);
  }, 60_000);

  test('do each job once, with named statements where they are carried, and without hearing each other', async () => {
    pooler = await startPgbouncer({ databaseUrl: cluster.database.url, preparedStatements: 100 });
    await joinThrough(['--no-database-notify']);
    await callEach(60);
  }, 60_000);

  test('go on when they were told to name statements that nobody carries', async () => {
    pooler = await startPgbouncer({ databaseUrl: cluster.database.url, preparedStatements: 0 });
    await joinThrough(['--no-database-notify']);
    await callEach(60);
  }, 60_000);
});
