// Limits that calls of several nodes count against, as the targets see it: real processes, real calls.

import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { objectOf } from './running-server.ts';
import { type Cluster, startCluster } from './cluster/cluster.ts';
import {
  arrivals,
  bestPerSecond,
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
/** So that what a busy machine adds to each does not count. */
const LONG_CALL_MS = 600;
/** Over so long it is looked at how fast calls leave: some rounds in which shares could move. */
const WHILE_MS = 4_000;

let cluster: Cluster;
let spread: SpreadTargets;

afterEach(async () => {
  await cluster[Symbol.asyncDispose]();
  await spread[Symbol.asyncDispose]();
});

/** Calls that targets have got when there are so many, or after so long. */
async function arrivalsOf(count: number, withinMs: number): Promise<readonly number[]> {
  const end = performance.now() + withinMs;
  while (arrivals(spread.targets).length < count && performance.now() < end) await sleep(100);
  return arrivals(spread.targets);
}

async function begin(callMs: number = CALL_MS): Promise<void> {
  cluster = await startCluster(NODES);
  spread = await spreadTargets(cluster, 5, callMs);
  await putLimits(cluster, spread.targets, {
    calls: { rate: RATE, burst: BURST },
    slots: { concurrency: 3 },
  });
  // Every node knows them.
  await sleep(1_500);
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
    expect(mostWithin(times, 1_000)).toBeLessThanOrEqual(RATE + BURST + NODES);
    expect(bestPerSecond(times, WHILE_MS)).toBeGreaterThan(RATE * 0.9);
  }, 90_000);

  test('lets no more calls be under way at any moment than it says, wherever they leave from', async () => {
    await begin(LONG_CALL_MS);
    await submitAll(cluster.nodes, spread.targets, 30, { limits: ['slots'] });
    await sleep(12_000);
    const times = arrivals(spread.targets);
    expect(mostWithin(times, LONG_CALL_MS)).toBeLessThanOrEqual(3);
    // A slot is held for longer than the target needs, and one call ends before another begins.
    expect(bestPerSecond(times, WHILE_MS)).toBeGreaterThanOrEqual(3_000 / (LONG_CALL_MS + 200));
  }, 90_000);

  test('is one node’s nearly whole when only that one has work', async () => {
    await begin();
    const [own = []] = spread.byNode;
    await submitAll(cluster.nodes, spread.targets, 6, { limits: ['calls'] });
    await sleep(2_000);
    await submitAll(cluster.nodes, own, 160, { limits: ['calls'] });
    const from = performance.now();
    await sleep(9_000);
    const times = arrivals(own).filter((at) => at > from);
    expect(bestPerSecond(times, WHILE_MS)).toBeGreaterThan(RATE * 0.9);
  }, 90_000);

  test('lets a job go that costs more than the burst of any share, and has it paid off', async () => {
    await begin();
    await submitAll(cluster.nodes, spread.targets, 8, { limits: ['calls'] });
    await submitAll(cluster.nodes, spread.targets, 1, { limits: [{ key: 'calls', cost: BURST }] });
    const times = await arrivalsOf(45, 40_000);
    expect(times).toHaveLength(45);
    const units = 40 + 5 * BURST - BURST - NODES * BURST;
    expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeGreaterThan((units * 1_000) / RATE);
  }, 90_000);

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
    const times = await arrivalsOf(250, 40_000);
    // What a node that stands still has let go leaves when it goes on: one call for each limit.
    expect(mostWithin(times, 1_000)).toBeLessThanOrEqual(RATE + BURST + NODES + 1);
    expect(mostWithin(times, CALL_MS)).toBeLessThanOrEqual(3 + 1);
    expect(times.length).toBeGreaterThanOrEqual(250);
  }, 120_000);
});
