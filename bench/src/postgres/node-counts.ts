import { availableParallelism } from 'node:os';
import { measure } from '../measure.ts';
import { medianOf, shown, tableOf } from '../numbers.ts';
import { nodesOnPostgres } from './nodes.ts';

const COUNTS = [1, 2, 4];
/** Enough that each of four nodes has its share of them. */
const KEYS = 64;

/** The same work on one, two and four nodes of one PostgreSQL; 64 destinations, so that each node has some. */
export async function measureNodes(isQuick: boolean, rounds: number): Promise<void> {
  const jobs = isQuick ? 3_000 : 12_000;
  const amount = { connections: 64, jobs, warmUp: jobs / 2, keys: KEYS };
  const results = new Map(COUNTS.map((count) => [count, { lives: [], submits: [] } as Rates]));
  for (let round = 0; round < rounds; round += 1) {
    for (const count of round % 2 === 0 ? COUNTS : COUNTS.toReversed()) {
      process.stderr.write(`  nodes, round ${round + 1}: ${count}\n`);
      const nodes = nodesOnPostgres(count, KEYS);
      const submit = await measure(nodes, { ...amount, concurrency: 0 });
      const life = await measure(nodes, { ...amount, concurrency: 64 });
      results.get(count)?.submits.push(rateOf(submit));
      results.get(count)?.lives.push(rateOf(life));
    }
  }
  const cores = availableParallelism();
  console.log(`\nnodes on one PostgreSQL, ${KEYS} destinations, ${jobs} jobs, median of ${rounds}`);
  console.log(
    `Nodes, PostgreSQL, load and target share ${cores} processors: more nodes can be no faster here than one that\n` +
      'keeps them busy, and processor time per job says what it costs that there are several.\n',
  );
  const header = ['nodes', 'submits/s', 'CPU µs', 'lifecycles/s', 'CPU µs', 'of processors'];
  const rows = [...results].map(([count, { submits, lives }]) => {
    const [submit, life] = [middleOf(submits), middleOf(lives)];
    const busy = (life.perSecond * life.cpuMicroseconds) / 1e6 / cores;
    return [
      String(count),
      shown(submit.perSecond),
      shown(submit.cpuMicroseconds),
      shown(life.perSecond),
      shown(life.cpuMicroseconds),
      `${shown(busy * 100)} %`,
    ];
  });
  console.log(tableOf([header, ...rows]));
}

interface Rate {
  readonly perSecond: number;
  readonly cpuMicroseconds: number;
}

interface Rates {
  readonly submits: Rate[];
  readonly lives: Rate[];
}

function rateOf({ figures }: Awaited<ReturnType<typeof measure>>): Rate {
  const { jobsPerSecond, cpuMsPerJob } = figures;
  return { perSecond: jobsPerSecond, cpuMicroseconds: (cpuMsPerJob ?? Number.NaN) * 1_000 };
}

function middleOf(rates: readonly Rate[]): Rate {
  return {
    perSecond: medianOf(rates.map(({ perSecond }) => perSecond)),
    cpuMicroseconds: medianOf(rates.map(({ cpuMicroseconds }) => cpuMicroseconds)),
  };
}
