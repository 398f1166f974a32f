// pnpm bench [--quick] [--only <system>,…] [--rounds <n>]
//
// Measures the server and its peers on the same work on this machine, round by round in turn, and
// prints medians.

import { parseArgs } from 'node:util';
import { type Amount, type Figures, measure } from './measure.ts';
import { printMachine } from './machine.ts';
import { medianOf, shown, tableOf } from './numbers.ts';
import { bullmq } from './systems/bullmq.ts';
import { ezthrottle } from './systems/ezthrottle.ts';
import type { System } from './systems/system.ts';

const SYSTEMS: readonly { readonly key: string; readonly system: System }[] = [
  { key: 'ezthrottle', system: ezthrottle },
  { key: 'bullmq', system: bullmq('everysec') },
  { key: 'bullmq-always', system: bullmq('always') },
];

interface Benchmark {
  readonly title: string;
  readonly full: Amount;
  readonly quick: Amount;
}

const BENCHMARKS: readonly Benchmark[] = [
  {
    title: 'submit: HTTP request to stored job (the jobs then wait)',
    full: { connections: 64, jobs: 10_000, warmUp: 2_000, concurrency: 0 },
    quick: { connections: 64, jobs: 3_000, warmUp: 500, concurrency: 0 },
  },
  {
    title: 'lifecycle: submit, call the target, signed result acknowledged',
    full: { connections: 64, jobs: 5_000, warmUp: 1_000, concurrency: 64 },
    quick: { connections: 64, jobs: 1_500, warmUp: 300, concurrency: 64 },
  },
];

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    rounds: { type: 'string' },
  },
});
const asked = values.only?.split(',') ?? SYSTEMS.map(({ key }) => key);
const rounds = Number(values.rounds ?? (values.quick ? 3 : 5));
const unknown = asked.filter((key) => !SYSTEMS.some((each) => each.key === key));
if (unknown.length > 0 || !Number.isInteger(rounds) || rounds < 1) {
  const known = SYSTEMS.map(({ key }) => key).join(', ');
  console.error(`usage: bench [--quick] [--only <system>,…] [--rounds <n>]   systems: ${known}`);
  process.exit(2);
}
const systems = SYSTEMS.filter(({ key }) => asked.includes(key)).map(({ system }) => system);

printMachine();
console.log('load, target and receiver share the machine with what is measured');
const descriptions = new Map<System, string>();
for (const benchmark of BENCHMARKS) {
  const amount = values.quick ? benchmark.quick : benchmark.full;
  const results = new Map<System, Figures[]>(systems.map((system) => [system, []]));
  for (let round = 1; round <= rounds; round += 1) {
    for (const system of systems) {
      process.stderr.write(`  round ${round} of ${rounds}: ${system.name}\n`);
      const { figures, description } = await measure(system, amount);
      results.get(system)?.push(figures);
      descriptions.set(system, description);
    }
  }
  printResults(benchmark.title, amount, results);
}
for (const [system, description] of descriptions) console.log(`${system.name}: ${description}`);

function printResults(
  title: string,
  { connections, jobs, concurrency }: Amount,
  results: ReadonlyMap<System, readonly Figures[]>,
): void {
  const atOnce = concurrency === 0 ? '' : `, ${concurrency} jobs at once`;
  console.log(`\n${title}`);
  console.log(`${jobs} jobs, ${connections} connections${atOnce}, median of ${rounds} rounds\n`);
  const header = ['', 'jobs/s', 'lowest', 'highest', 'submit p50 ms', 'p99 ms', 'CPU ms/job'];
  const rows = [...results].map(([system, all]) => {
    const rates = all.map(({ jobsPerSecond }) => jobsPerSecond);
    const cpu = all.map(({ cpuMsPerJob }) => cpuMsPerJob).filter((each) => each !== null);
    return [
      system.name,
      shown(medianOf(rates)),
      shown(Math.min(...rates)),
      shown(Math.max(...rates)),
      shown(medianOf(all.map(({ submitP50Ms }) => submitP50Ms))),
      shown(medianOf(all.map(({ submitP99Ms }) => submitP99Ms))),
      shown(cpu.length === 0 ? null : medianOf(cpu)),
    ];
  });
  console.log(`${tableOf([header, ...rows])}\n`);
}
