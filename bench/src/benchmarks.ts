import type { Amount, Figures } from './measure.ts';
import { bullmq } from './systems/bullmq.ts';
import { ezthrottle } from './systems/ezthrottle.ts';
import { fromSource } from './systems/forgetful.ts';
import type { System } from './systems/system.ts';

/** One line of the table of goals: what is compared, and with what. */
export interface Goal {
  readonly title: string;
  readonly figure: (figures: Figures) => number | null;
  /** The system that is compared with; null: none, the figure itself is the goal. */
  readonly against: System | null;
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** The same work for some systems, which take turns in every round. */
export interface Benchmark {
  readonly key: string;
  readonly title: string;
  /** The first is ours. */
  readonly systems: readonly [System, ...System[]];
  readonly full: Amount;
  readonly quick: Amount;
  readonly goals: readonly Goal[];
  /** Default: as many as asked for. */
  readonly rounds?: number;
}

const everysec = bullmq('everysec');
const always = bullmq('always');
const apart = bullmq('everysec', 2);
const keeping = fromSource(true);
const forgetful = fromSource(false);

const rate = ({ jobsPerSecond }: Figures): number => jobsPerSecond;

export const BENCHMARKS: readonly Benchmark[] = [
  {
    key: 'submit',
    title: 'submit: one job a request (the jobs then wait)',
    systems: [ezthrottle, everysec, always],
    full: { connections: 64, jobs: 20_000, warmUp: 5_000, concurrency: 0 },
    quick: { connections: 64, jobs: 5_000, warmUp: 1_000, concurrency: 0 },
    goals: [{ title: 'submit, one job a request', figure: rate, against: everysec, atLeast: 1.4 }],
  },
  {
    key: 'batch',
    title: 'submit in batches of 100 (the jobs then wait)',
    systems: [ezthrottle, everysec],
    full: { connections: 8, jobs: 60_000, warmUp: 10_000, concurrency: 0, jobsPerRequest: 100 },
    quick: { connections: 8, jobs: 20_000, warmUp: 4_000, concurrency: 0, jobsPerRequest: 100 },
    goals: [{ title: 'submit in batches of 100', figure: rate, against: everysec, atLeast: 3 }],
  },
  {
    key: 'lifecycle',
    title: 'lifecycle: submit, call the target, signed result acknowledged',
    systems: [ezthrottle, everysec, always, apart],
    full: { connections: 64, jobs: 10_000, warmUp: 8_000, concurrency: 64 },
    quick: { connections: 64, jobs: 3_000, warmUp: 500, concurrency: 64 },
    goals: [
      { title: 'lifecycle, peer in one process', figure: rate, against: everysec, atLeast: 2.2 },
      { title: 'lifecycle, peer in two processes', figure: rate, against: apart, atLeast: 2 },
      {
        title: 'server CPU per lifecycle, µs',
        figure: ({ cpuMsPerJob }) => (cpuMsPerJob === null ? null : cpuMsPerJob * 1_000),
        against: null,
        atMost: 170,
      },
    ],
  },
  {
    key: 'latency',
    title: 'open loop, 2 000 submits a second: from the moment of a job to its call',
    systems: [ezthrottle, everysec],
    full: { connections: 256, jobs: 8_000, warmUp: 6_000, concurrency: 64, ratePerSecond: 2_000 },
    quick: { connections: 256, jobs: 3_000, warmUp: 1_000, concurrency: 64, ratePerSecond: 2_000 },
    goals: [
      {
        title: 'submit to call at 2 000/s, p50',
        figure: ({ hitP50Ms }) => hitP50Ms,
        against: everysec,
        atMost: 0.4,
      },
      {
        title: 'submit to call at 2 000/s, p99',
        figure: ({ hitP99Ms }) => hitP99Ms,
        against: everysec,
        atMost: 0.4,
      },
      {
        title: 'submit at 2 000/s, p99',
        figure: ({ submitP99Ms }) => submitP99Ms,
        against: everysec,
        atMost: 0.7,
      },
    ],
  },
  {
    key: 'storing',
    title: 'submit: with the store, and with one that keeps nothing',
    systems: [keeping, forgetful],
    full: { connections: 64, jobs: 20_000, warmUp: 5_000, concurrency: 0 },
    quick: { connections: 64, jobs: 5_000, warmUp: 1_000, concurrency: 0 },
    goals: [
      {
        title: 'submit, as a share of keeping nothing',
        figure: rate,
        against: forgetful,
        atLeast: 0.45,
      },
    ],
  },
  {
    key: 'queued',
    title: 'jobs that wait, with bodies of 500 bytes',
    systems: [ezthrottle],
    full: queued(200_000),
    quick: queued(50_000),
    rounds: 1,
    goals: [
      {
        title: 'memory per queued job, bytes',
        figure: ({ memoryBytesPerJob }) => memoryBytesPerJob,
        against: null,
        atMost: 100,
      },
      {
        title: 'disk per queued job, bytes',
        figure: ({ diskBytesPerJob }) => diskBytesPerJob,
        against: null,
        atMost: 800,
      },
      {
        title: 'resident memory, MB',
        figure: ({ residentBytes }) => (residentBytes === null ? null : residentBytes / 1e6),
        against: null,
        atMost: 350,
      },
    ],
  },
];

/** As many jobs as asked for, after enough to fill every cache. */
export function queued(jobs: number): Amount {
  const warmUp = 50_000;
  return { connections: 8, jobs, warmUp, concurrency: 0, jobsPerRequest: 100, bodyBytes: 500 };
}
