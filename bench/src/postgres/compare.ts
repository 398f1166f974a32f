import type { Amount } from '../measure.ts';
import { measure } from '../measure.ts';
import { medianOf, percentileOf, shown, tableOf } from '../numbers.ts';
import { Child } from '../processes/child.ts';
import type { System } from '../systems/system.ts';
import { cpuTimeMs } from '../cpu-time.ts';
import { databaseTimeMs, startDatabase } from './database.ts';
import type { PeerReport } from './peer-main.ts';

/** One round of one contestant. */
export interface Round {
  readonly perSecond: number;
  /** Milliseconds of a call at who makes it; null where there are none. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  /** Processor time of the system and its storage; null when unknown. */
  readonly cpuMicroseconds: number | null;
}

export interface Contestant {
  readonly name: string;
  /** Starts everything afresh, does the work once, and ends everything. */
  round(): Promise<Round>;
}

export interface Peer extends Contestant {
  /** How many times as fast we are to be; null: no goal. */
  readonly atLeast: number | null;
}

/** The same work for some contestants, which take turns in every round. */
export interface Comparison {
  readonly key: string;
  readonly title: string;
  readonly ours: Contestant;
  readonly peers: readonly Peer[];
}

const TIMEOUT_MS = 600_000;

/** A system behind HTTP. */
export function ofSystem(system: System, amount: Amount): Contestant {
  return {
    name: system.name,
    async round() {
      const { figures } = await measure(system, amount);
      return {
        perSecond: figures.jobsPerSecond,
        p50Ms: figures.submitP50Ms,
        p99Ms: figures.submitP99Ms,
        cpuMicroseconds: figures.cpuMsPerJob === null ? null : figures.cpuMsPerJob * 1_000,
      };
    },
  };
}

/** A process that works on a PostgreSQL of its own, and reports when it is warm and when it is done. */
export function ofProcess<Order extends { readonly jobs: number; readonly warmUp: number }>(
  name: string,
  module: URL,
  order: Order,
): Contestant {
  return {
    name,
    async round() {
      await using database = await startDatabase();
      await using child = Child.start<PeerReport>(module, { ...order, url: database.url });
      await child.next(TIMEOUT_MS);
      const usedMs = (): number | null => {
        const [its, own] = [databaseTimeMs(database), cpuTimeMs([child.processId ?? 0])];
        return its === null || own === null ? null : its + own;
      };
      const before = usedMs();
      child.tell({});
      const { startedAt, endedAt, latenciesMs } = await child.next(TIMEOUT_MS);
      const after = usedMs();
      const isTimed = latenciesMs.length > 0;
      return {
        perSecond: (order.jobs * 1_000) / (endedAt - startedAt),
        p50Ms: isTimed ? percentileOf(latenciesMs, 0.5) : null,
        p99Ms: isTimed ? percentileOf(latenciesMs, 0.99) : null,
        cpuMicroseconds:
          before === null || after === null ? null : ((after - before) * 1_000) / order.jobs,
      };
    },
  };
}

/** Prints what was measured. @returns Rows for the table of goals. */
export async function compare(
  { key, title, ours, peers }: Comparison,
  rounds: number,
): Promise<readonly (readonly string[])[]> {
  const all = [ours, ...peers];
  const results = new Map<Contestant, Round[]>(all.map((each) => [each, []]));
  for (let round = 0; round < rounds; round += 1) {
    // Each round begins with another one.
    const first = round % all.length;
    for (const contestant of [...all.slice(first), ...all.slice(0, first)]) {
      process.stderr.write(`  ${key}, round ${round + 1}: ${contestant.name}\n`);
      results.get(contestant)?.push(await contestant.round());
    }
  }
  console.log(`\n${title}, median of ${rounds}\n`);
  const header = ['', 'jobs/s', 'lowest', 'highest', 'call p50 ms', 'p99 ms', 'CPU µs/job'];
  const rows = [...results].map(([{ name }, measured]) => rowOf(name, measured));
  console.log(tableOf([header, ...rows]));
  return peers.map((peer) => {
    const ratios = (results.get(ours) ?? []).map(
      ({ perSecond }, round) => perSecond / (results.get(peer)?.[round]?.perSecond ?? Number.NaN),
    );
    const median = medianOf(ratios);
    const { atLeast } = peer;
    return [
      `${key}, beside ${peer.name}`,
      `${shown(median)}×`,
      shown(Math.min(...ratios)),
      shown(Math.max(...ratios)),
      atLeast === null ? '' : `≥ ${atLeast}×`,
      atLeast === null ? '' : median >= atLeast ? 'reached' : 'missed',
    ];
  });
}

function rowOf(name: string, rounds: readonly Round[]): string[] {
  const rates = rounds.map(({ perSecond }) => perSecond);
  const median = (figure: (round: Round) => number | null): string => {
    const known = rounds.map(figure).filter((each) => each !== null);
    return shown(known.length === 0 ? null : medianOf(known));
  };
  return [
    name,
    shown(medianOf(rates)),
    shown(Math.min(...rates)),
    shown(Math.max(...rates)),
    median(({ p50Ms }) => p50Ms),
    median(({ p99Ms }) => p99Ms),
    median(({ cpuMicroseconds }) => cpuMicroseconds),
  ];
}
