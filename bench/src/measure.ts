import { cpuTimeMs } from './cpu-time.ts';
import { percentileOf } from './numbers.ts';
import { Child } from './processes/child.ts';
import type { RunningSystem, System } from './systems/system.ts';
import type { LoadOrder, LoadReport, OutsideReport } from './work.ts';

/** How much is done in one round. */
export interface Amount {
  readonly connections: number;
  readonly jobs: number;
  /** Jobs before those that count, so that code is compiled and connections are open. */
  readonly warmUp: number;
  /** Jobs that the system runs at once; 0: it only accepts. */
  readonly concurrency: number;
}

/** One round of one system. */
export interface Figures {
  readonly jobsPerSecond: number;
  /** Milliseconds of a submit at the client. */
  readonly submitP50Ms: number;
  readonly submitP99Ms: number;
  /** Milliseconds of processor time per job, over all processes of the system; null when unknown. */
  readonly cpuMsPerJob: number | null;
}

const SECRET = 'whsec_YmVuY2htYXJrcyBzaWduIHdpdGggdGhpcyBzZWNyZXQ=';
const TIMEOUT_MS = 180_000;
const OUTSIDE = new URL('./processes/outside-main.ts', import.meta.url);
const LOAD = new URL('./processes/load-main.ts', import.meta.url);

/** Starts everything afresh, does the work once, and ends everything. */
export async function measure(
  system: System,
  amount: Amount,
): Promise<{ readonly figures: Figures; readonly description: string }> {
  await using outside = Child.start<OutsideReport>(OUTSIDE, { secret: SECRET });
  const listening = await outside.next(TIMEOUT_MS);
  if (listening.type !== 'listening') throw new Error('the target did not start');
  const { target, receiver } = listening;
  const { concurrency, connections, jobs, warmUp } = amount;
  await using running = await system.start({ target, secret: SECRET, concurrency });
  const place = { target, receiver };
  await runOnce(
    running,
    outside,
    { place, batch: 'warm-up', connections, jobs: warmUp },
    concurrency > 0,
  );
  const cpuBefore = cpuTimeMs(running.processIds);
  const { load, endedAt } = await runOnce(
    running,
    outside,
    { place, batch: 'counted', connections, jobs },
    concurrency > 0,
  );
  const cpuAfter = cpuTimeMs(running.processIds);
  return {
    description: running.description,
    figures: {
      jobsPerSecond: (jobs * 1000) / (endedAt - load.startedAt),
      submitP50Ms: percentileOf(load.latenciesMs, 0.5),
      submitP99Ms: percentileOf(load.latenciesMs, 0.99),
      cpuMsPerJob: cpuBefore === null || cpuAfter === null ? null : (cpuAfter - cpuBefore) / jobs,
    },
  };
}

/** Submits the jobs; when they are run, waits until all their results are acknowledged. */
async function runOnce(
  running: RunningSystem,
  outside: Child<OutsideReport>,
  amount: Omit<LoadOrder, 'url' | 'headers'>,
  isRun: boolean,
): Promise<{ readonly load: LoadReport; readonly endedAt: number }> {
  const { jobs } = amount;
  if (isRun) outside.tell({ jobs });
  const order: LoadOrder = { url: running.submitUrl, headers: running.headers, ...amount };
  await using loader = Child.start<LoadReport>(LOAD, order);
  const load = await loader.next(TIMEOUT_MS);
  if (!isRun) return { load, endedAt: load.endedAt };
  const reached = await outside.next(TIMEOUT_MS);
  if (reached.type !== 'reached') throw new Error('the receiver lost count');
  if (reached.refused > 0) throw new Error(`${reached.refused} deliveries were signed wrongly`);
  if (reached.calls < jobs) throw new Error(`only ${reached.calls} of ${jobs} calls were made`);
  return { load, endedAt: reached.at };
}
