// Limits that calls of several nodes count against, as the targets see it: real processes, real calls.

import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { type Cluster, startCluster } from './cluster.ts';
import {
  arrivals,
  mostWithin,
  putLimits,
  type SpreadTargets,
  spreadTargets,
  submitAll,
} from './limit-load.ts';

const RATE = 20;
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
    calls: { rate: RATE },
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
    await sleep(12_000);
    const times = arrivals(spread.targets);
    const steady = perSecond(times, 2_000);
    expect(mostWithin(times, 1_000)).toBeLessThanOrEqual(RATE + NODES + 1);
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
});
