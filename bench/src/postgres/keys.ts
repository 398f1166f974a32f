import { setTimeout as pause } from 'node:timers/promises';
import { measure } from '../measure.ts';
import { shown, tableOf } from '../numbers.ts';
import { nodesOnPostgres, type NodesSystem, type RunningNodes } from './nodes.ts';

const TAKEN_MS = 60_000;

/** What two nodes do with few destinations and with very many, and how fast one takes the other's over. */
export async function measureKeys(isQuick: boolean): Promise<void> {
  const all = isQuick ? [10, 1_000] : [10, 1_000, 100_000];
  const rows: string[][] = [];
  for (const keys of all) {
    process.stderr.write(`  keys: ${keys}\n`);
    const jobs = Math.max(keys, isQuick ? 3_000 : 10_000);
    const amount = { connections: 64, warmUp: Math.max(keys, 2_000), jobs, keys, concurrency: 64 };
    const probe = { takeOverMs: Number.NaN };
    const { figures } = await measure(endingWithTakeOver(keys, probe), amount);
    rows.push([
      shown(keys),
      shown(jobs),
      shown(figures.jobsPerSecond),
      shown(figures.cpuMsPerJob === null ? null : figures.cpuMsPerJob * 1_000),
      shown(figures.residentBytes === null ? null : figures.residentBytes / 1e6),
      shown(probe.takeOverMs / 1_000),
    ]);
  }
  console.log('\ntwo nodes, jobs to each destination in turn (another address of loopback each)');
  console.log('take-over: from the SIGKILL of one node until the other holds all slots\n');
  const header = ['keys', 'jobs', 'lifecycles/s', 'CPU µs', 'node MB', 'take-over s'];
  console.log(tableOf([header, ...rows]));
}

/** Two nodes, the first of which is killed in the end. */
function endingWithTakeOver(keys: number, probe: { takeOverMs: number }): NodesSystem {
  const nodes = nodesOnPostgres(2, keys);
  return {
    name: nodes.name,
    async start(setting) {
      const running = await nodes.start(setting);
      return {
        ...running,
        async [Symbol.asyncDispose]() {
          try {
            probe.takeOverMs = await takeOverMs(running);
          } finally {
            await running[Symbol.asyncDispose]();
          }
        },
      };
    },
  };
}

async function takeOverMs(running: RunningNodes): Promise<number> {
  const begun = performance.now();
  await running.kill();
  while (performance.now() - begun < TAKEN_MS) {
    const held = [...(await running.slots()).values()];
    if (held.length === 1 && held[0] === 1_024) return performance.now() - begun;
    await pause(20);
  }
  throw new Error(`the slots were not taken over within ${TAKEN_MS} ms`);
}
