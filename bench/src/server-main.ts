// pnpm bench [--quick] [--only <benchmark>,…] [--rounds <n>] [--queued <jobs>]
//
// Measures the server and its peers on the same work on this machine, round by round in turn, and
// prints medians, and ratios within the rounds beside the goals.

import { parseArgs } from 'node:util';
import { type Benchmark, BENCHMARKS, type Goal, queued } from './benchmarks.ts';
import { type Amount, type Figures, measure } from './measure.ts';
import { printMachine } from './machine.ts';
import { medianOf, shown, tableOf } from './numbers.ts';
import type { System } from './systems/system.ts';

type Results = ReadonlyMap<System, readonly Figures[]>;

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    rounds: { type: 'string' },
    queued: { type: 'string' },
  },
});
const asked = values.only?.split(',') ?? BENCHMARKS.map(({ key }) => key);
const rounds = Number(values.rounds ?? 3);
const queuedJobs = values.queued === undefined ? null : Number(values.queued);
const unknown = asked.filter((key) => !BENCHMARKS.some((each) => each.key === key));
const isWhole = [rounds, queuedJobs ?? 1].every((each) => Number.isInteger(each) && each >= 1);
if (unknown.length > 0 || !isWhole) {
  const known = BENCHMARKS.map(({ key }) => key).join(', ');
  console.error('usage: bench [--quick] [--only <benchmark>,…] [--rounds <n>] [--queued <jobs>]');
  console.error(`benchmarks: ${known}`);
  process.exit(2);
}

printMachine();
console.log('load, target and receiver share the machine with what is measured');
const descriptions = new Map<System, string>();
const goals: string[][] = [['', 'reached', 'lowest', 'highest', 'goal', '']];
for (const benchmark of BENCHMARKS) {
  if (!asked.includes(benchmark.key)) continue;
  const amount = amountOf(benchmark);
  const results = await resultsOf(benchmark, amount);
  printResults(benchmark, amount, results);
  for (const goal of benchmark.goals) goals.push(goalRow(benchmark, goal, results));
}
for (const [system, description] of descriptions) console.log(`${system.name}: ${description}`);
console.log(`\nratios are taken within each round\n\n${tableOf(goals)}`);

function amountOf({ key, full, quick }: Benchmark): Amount {
  if (key === 'queued' && queuedJobs !== null) return queued(queuedJobs);
  return values.quick ? quick : full;
}

async function resultsOf(benchmark: Benchmark, amount: Amount): Promise<Results> {
  const results = new Map<System, Figures[]>(benchmark.systems.map((system) => [system, []]));
  for (let round = 0; round < (benchmark.rounds ?? rounds); round += 1) {
    // Each round begins with another one.
    const { systems } = benchmark;
    const first = round % systems.length;
    for (const system of [...systems.slice(first), ...systems.slice(0, first)]) {
      process.stderr.write(`  ${benchmark.key}, round ${round + 1}: ${system.name}\n`);
      const { figures, description } = await measure(system, amount);
      results.get(system)?.push(figures);
      descriptions.set(system, description);
    }
  }
  // A figure of one round stands beside those of the same round.
  return results;
}

function goalRow({ systems: [ours] }: Benchmark, goal: Goal, results: Results): string[] {
  const { title, figure, against, atLeast, atMost } = goal;
  const own = results.get(ours) ?? [];
  const others = against === null ? null : (results.get(against) ?? []);
  const reached = own.flatMap((figures, round) => {
    const value = figure(figures);
    const peer = others?.[round];
    if (value === null || others === null) return value === null ? [] : [value];
    const other = peer === undefined ? null : figure(peer);
    return other === null ? [] : [value / other];
  });
  const times = against === null ? '' : '×';
  const median = medianOf(reached);
  const isReached = median >= (atLeast ?? median) && median <= (atMost ?? median);
  return [
    title,
    `${shown(median)}${times}`,
    shown(Math.min(...reached)),
    shown(Math.max(...reached)),
    atLeast === undefined ? `≤ ${atMost}${times}` : `≥ ${atLeast}${times}`,
    isReached ? 'reached' : 'missed',
  ];
}

function printResults({ title, rounds: own }: Benchmark, amount: Amount, results: Results): void {
  const { connections, jobs, concurrency } = amount;
  const atOnce = concurrency === 0 ? '' : `, ${concurrency} jobs at once`;
  console.log(`\n${title}`);
  console.log(`${jobs} jobs, ${connections} connections${atOnce}, median of ${own ?? rounds}\n`);
  const header = ['', 'jobs/s', 'lowest', 'highest', 'submit p50 ms', 'p99 ms', 'CPU µs/job'];
  const isOpen = amount.ratePerSecond !== undefined;
  if (isOpen) header.push('call p50 ms', 'p99 ms');
  const rows = [...results].map(([system, all]) => {
    const rates = all.map(({ jobsPerSecond }) => jobsPerSecond);
    const median = (figure: (figures: Figures) => number | null): string => {
      const known = all.map(figure).filter((each) => each !== null);
      return shown(known.length === 0 ? null : medianOf(known));
    };
    return [
      system.name,
      shown(medianOf(rates)),
      shown(Math.min(...rates)),
      shown(Math.max(...rates)),
      median(({ submitP50Ms }) => submitP50Ms),
      median(({ submitP99Ms }) => submitP99Ms),
      median(({ cpuMsPerJob }) => (cpuMsPerJob === null ? null : cpuMsPerJob * 1_000)),
      ...(isOpen ? [median(({ hitP50Ms }) => hitP50Ms), median(({ hitP99Ms }) => hitP99Ms)] : []),
    ];
  });
  console.log(`${tableOf([header, ...rows])}\n`);
}
