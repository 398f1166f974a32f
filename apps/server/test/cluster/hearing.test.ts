import { randomUUID } from 'node:crypto';
import { connect, createServer, type Socket } from 'node:net';
import { createUpstream, type Upstream } from '@ezthrottle/testkit';
import { Client } from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { until } from '../running-server.ts';
import { type Cluster, type NodeProcess, startCluster } from './cluster.ts';

let cluster: Cluster;
let target: Upstream;

beforeEach(async () => {
  target = await createUpstream({ status: 200, body: 'done' });
  cluster = await startCluster(0, { flags: ['--rate', `${target.origin}=500`] });
});
afterEach(async () => {
  await cluster[Symbol.asyncDispose]();
  await target.close();
});

async function elsewhere(): Promise<string> {
  const client = new Client({ connectionString: cluster.database.url });
  await client.connect();
  await client.query('CREATE DATABASE elsewhere');
  await client.end();
  const url = new URL(cluster.database.url);
  url.pathname = '/elsewhere';
  return url.href;
}

const hearing = (node: NodeProcess) => async () =>
  (await node.call('GET', '/health')).json['hears_nodes'];

const events = (node: NodeProcess, name: string): number =>
  node.said().split(`"event":"${name}"`).length - 1;

test('nodes that listen at another database say so once, and still find each other’s work soon', async () => {
  const flags = ['--database-listen-url', await elsewhere()];
  const nodes = [await cluster.start(flags), await cluster.start(flags)];
  for (const node of nodes) {
    await until(
      () => Promise.resolve(node.said()),
      (said) => said.includes('"event":"not_listening"'),
    );
    expect(node.said()).toContain('set DATABASE_LISTEN_URL to the same database');
    expect(await hearing(node)()).toBe(false);
  }
  // One of the two does not have the line.
  for (const [index, node] of nodes.entries()) {
    const job = { url: target.url(`/${index}`), idempotent_key: randomUUID() };
    await node.call('POST', '/api/v1/jobs', job);
    await target.waitFor(index + 1, 2_500);
  }
  for (const node of nodes) expect(events(node, 'not_listening')).toBe(1);
}, 60_000);

/** A way to the database on which connections can fall silent, without an end. */
async function fallingSilent(): Promise<{
  readonly url: string;
  readonly fallSilent: () => void;
  readonly close: () => void;
}> {
  const target = new URL(cluster.database.url);
  const sockets: Socket[] = [];
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      from.on('error', () => undefined).on('close', () => to.destroy());
      from.pipe(to);
    }
    sockets.push(client, upstream);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const url = new URL(cluster.database.url);
  url.port = String(typeof address === 'object' ? address?.port : address);
  return {
    url: url.href,
    fallSilent() {
      for (const socket of sockets) socket.unpipe().pause();
    },
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

test('a node hears the others again after the connection on which it listens has died without a word', async () => {
  const way = await fallingSilent();
  try {
    const node = await cluster.start(['--database-listen-url', way.url]);
    await until(hearing(node), (is) => is === true);
    way.fallSilent();
    await until(hearing(node), (is) => is === false);
    await until(hearing(node), (is) => is === true);
    expect(events(node, 'not_listening')).toBe(0);
  } finally {
    way.close();
  }
}, 60_000);
