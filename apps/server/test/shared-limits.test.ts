// Limits that calls of several nodes count against, as the targets see it: real processes, real calls.

import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { objectOf } from './running-server.ts';
import { type Cluster, startCluster } from './cluster/cluster.ts';
import {
  arrivals,
  mostWithin,
  putLimits,
  type SpreadTargets,
  spreadTargets,
  submitAll,
} from './cluster/limit-load.ts';

const RATE = 20;
/** So that a machine that is busy does not count. */
const BURST = 6;
const NODES = 3;
/** How long calls last, in milliseconds. */
const CALL_MS = 100;

let cluster: Cluster;
let spread: SpreadTargets;

afterEach(async () => {
  await cluster[Symbol.asyncDispose]();
  await spread[Symbol.asyncDispose]();
});

async function begin(flags: readonly string[] = []): Promise<void> {
  cluster = await startCluster(NODES, { flags });
  spread = await spreadTargets(cluster, 5, CALL_MS);
  await putLimits(cluster, spread.targets, {
    calls: { rate: RATE, burst: BURST },
    slots: { concurrency: 3 },
  });
  // Every node knows them.
  await sleep(1_500);
}

/** Calls per second, from this time after the first one on. */
function perSecond(times: readonly number[], afterMs: number): number {
  const from = (times[0] ?? 0) + afterMs;
  const steady = times.filter((at) => at >= from);
  return (steady.length * 1_000) / ((times.at(-1) ?? 0) - from);
}

describe('a limit whose calls leave from three nodes', () => {
  test('is kept by all of them together, and used in full while all have work', async () => {
    await begin();
    await submitAll(cluster.nodes, spread.targets, 60, { limits: ['calls'] });
    await sleep(5_000);
    for (const node of cluster.nodes) {
      const { json } = await node.call('GET', '/api/v1/limits/calls');
      const state = objectOf(json['state']);
      // All nodes together; what others have is up to a second old.
      expect(Number(state['rate'])).toBeGreaterThan(RATE * 0.9);
      expect(Number(state['rate'])).toBeLessThan(RATE * 1.1);
      expect(Number(state['waiting'])).toBeGreaterThan(100);
    }
    await sleep(7_000);
    const times = arrivals(spread.targets);
    const steady = perSecond(times, 2_000);
    expect(mostWithin(times, 1_000)).toBeLessThanOrEqual(RATE + BURST + NODES);
    expect(steady).toBeGreaterThan(RATE * 0.85);
  }, 60_000);

  test('lets no more calls be under way at any moment than it says, wherever they leave from', async () => {
    await begin();
    await submitAll(cluster.nodes, spread.targets, 60, { limits: ['slots'] });
    await sleep(11_000);
    const times = arrivals(spread.targets);
    const steady = perSecond(times, 2_000);
    expect(mostWithin(times, CALL_MS)).toBeLessThanOrEqual(3);
    // A call takes a little longer than its target does.
    expect(steady).toBeGreaterThan((0.85 * 3_000) / (CALL_MS + 25));
  }, 60_000);

  test('is one node’s nearly whole when only that one has work', async () => {
    await begin();
    const [own = []] = spread.byNode;
    await submitAll(cluster.nodes, spread.targets, 6, { limits: ['calls'] });
    await sleep(2_000);
    await submitAll(cluster.nodes, own, 160, { limits: ['calls'] });
    const from = performance.now();
    await sleep(9_000);
    const times = arrivals(own).filter((at) => at > from);
    const steady = perSecond(times, 2_000);
    expect(steady).toBeGreaterThan(RATE * 0.9);
  }, 60_000);

  test('lets a job go that costs more than the burst of any share, and has it paid off', async () => {
    await begin();
    await submitAll(cluster.nodes, spread.targets, 8, { limits: ['calls'] });
    await submitAll(cluster.nodes, spread.targets, 1, { limits: [{ key: 'calls', cost: BURST }] });
    const from = performance.now();
    while (arrivals(spread.targets).length < 45 && performance.now() - from < 20_000) {
      await sleep(100);
    }
    const times = arrivals(spread.targets);
    expect(times).toHaveLength(45);
    const units = 40 + 5 * BURST - BURST - NODES * BURST;
    expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeGreaterThan((units * 1_000) / RATE);
  }, 60_000);

  test('is kept while one node is killed and another stands still, and the others go on', async () => {
    await begin();
    const [, second, third] = cluster.nodes;
    await submitAll(cluster.nodes, spread.targets, 60, { limits: ['calls', 'slots'] });
    await sleep(3_000);
    await third?.end('SIGKILL');
    await sleep(7_000);
    second?.process.kill('SIGSTOP');
    await sleep(6_000);
    second?.process.kill('SIGCONT');
    await sleep(8_000);
    const times = arrivals(spread.targets);
    // What a node that stands still has let go leaves when it goes on: one call for each limit.
    expect(mostWithin(times, 1_000)).toBeLessThanOrEqual(RATE + BURST + NODES + 1);
    expect(mostWithin(times, CALL_MS)).toBeLessThanOrEqual(3 + 1);
    expect(times.length).toBeGreaterThanOrEqual(250);
  }, 90_000);
});
