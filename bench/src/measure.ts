import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
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
  /** Default 1. */
  readonly jobsPerRequest?: number;
  /** Default: each connection sends in turn. */
  readonly ratePerSecond?: number;
  /** Default 180. */
  readonly bodyBytes?: number;
  /** Destinations and endpoints that jobs name in turn. Default: one of each. */
  readonly keys?: number;
}

/** One round of one system. */
export interface Figures {
  readonly jobsPerSecond: number;
  /** Milliseconds of a request at the client. */
  readonly submitP50Ms: number;
  readonly submitP99Ms: number;
  /** Milliseconds from the moment of a job to its call; null unless in an open loop. */
  readonly hitP50Ms: number | null;
  readonly hitP99Ms: number | null;
  /** Milliseconds of processor time per job, over all processes of the system; null when unknown. */
  readonly cpuMsPerJob: number | null;
  /** Of the system's first process, at the end; null when unknown. */
  readonly residentBytes: number | null;
  /** That and the files, less than before the counted jobs: per job. */
  readonly memoryBytesPerJob: number | null;
  readonly diskBytesPerJob: number | null;
}

const SECRET = 'whsec_YmVuY2htYXJrcyBzaWduIHdpdGggdGhpcyBzZWNyZXQ=';
const TIMEOUT_MS = 300_000;
const OUTSIDE = new URL('./processes/outside-main.ts', import.meta.url);
const LOAD = new URL('./processes/load-main.ts', import.meta.url);

/** Starts everything afresh, does the work once, and ends everything. */
export async function measure(
  system: System,
  amount: Amount,
): Promise<{ readonly figures: Figures; readonly description: string }> {
  await using outside = Child.start<OutsideReport>(OUTSIDE, {
    secret: SECRET,
    addresses: amount.keys === undefined ? 'one' : 'all',
  });
  const listening = await outside.next(TIMEOUT_MS);
  if (listening.type !== 'listening') throw new Error('the target did not start');
  const { target, receiver } = listening;
  const { concurrency, jobs, warmUp } = amount;
  await using running = await system.start({ target, secret: SECRET, concurrency });
  const order = orderOf(running, amount, { target, receiver });
  const isRun = concurrency > 0;
  await runOnce(outside, { ...order, batch: 'warm-up', jobs: warmUp, ratePerSecond: null }, isRun);
  const before = stateOf(running);
  const { load, endedAt, hits } = await runOnce(outside, { ...order, batch: 'counted' }, isRun);
  const after = stateOf(running);
  const perJob = (one: number | null, other: number | null): number | null =>
    one === null || other === null ? null : (other - one) / jobs;
  const waits = hits.map(([number, at]) => at - (load.dueAt[number] ?? Number.NaN));
  const isOpen = amount.ratePerSecond !== undefined;
  return {
    description: running.description,
    figures: {
      jobsPerSecond: (jobs * 1000) / (endedAt - load.startedAt),
      submitP50Ms: percentileOf(load.latenciesMs, 0.5),
      submitP99Ms: percentileOf(load.latenciesMs, 0.99),
      hitP50Ms: isOpen ? percentileOf(waits, 0.5) : null,
      hitP99Ms: isOpen ? percentileOf(waits, 0.99) : null,
      cpuMsPerJob: perJob(before.cpuMs, after.cpuMs),
      residentBytes: after.residentBytes,
      memoryBytesPerJob: perJob(before.residentBytes, after.residentBytes),
      diskBytesPerJob: perJob(before.diskBytes, after.diskBytes),
    },
  };
}

function orderOf(
  running: RunningSystem,
  amount: Amount,
  place: LoadOrder['place'],
): Omit<LoadOrder, 'batch'> {
  const { connections, jobs, jobsPerRequest = 1, ratePerSecond = null, bodyBytes = 180 } = amount;
  return {
    url: jobsPerRequest === 1 ? running.submitUrl : running.batchUrl,
    headers: running.headers,
    place,
    connections,
    jobs,
    jobsPerRequest,
    ratePerSecond,
    bodyBytes,
    ...(running.otherUrls === undefined ? {} : { otherUrls: running.otherUrls }),
    ...(amount.keys === undefined ? {} : { keys: amount.keys }),
  };
}

/** Submits the jobs; when they are run, waits until all their results are acknowledged. */
async function runOnce(
  outside: Child<OutsideReport>,
  order: LoadOrder,
  isRun: boolean,
): Promise<{
  readonly load: LoadReport;
  readonly endedAt: number;
  readonly hits: Extract<OutsideReport, { type: 'reached' }>['hits'];
}> {
  const { jobs } = order;
  if (isRun) outside.tell({ jobs });
  await using loader = Child.start<LoadReport>(LOAD, order);
  const load = await loader.next(TIMEOUT_MS);
  if (!isRun) return { load, endedAt: load.endedAt, hits: [] };
  const reached = await outside.next(TIMEOUT_MS);
  if (reached.type !== 'reached') throw new Error('the receiver lost count');
  const { refused, hits, at } = reached;
  if (refused > 0) throw new Error(`${refused} deliveries were signed wrongly`);
  if (hits.length < jobs) throw new Error(`only ${hits.length} of ${jobs} calls were made`);
  return { load, endedAt: at, hits };
}

interface State {
  readonly cpuMs: number | null;
  readonly residentBytes: number | null;
  readonly diskBytes: number | null;
}

function stateOf(running: RunningSystem): State {
  const { processIds, folder } = running;
  return {
    cpuMs: running.processorMs?.() ?? cpuTimeMs(processIds),
    residentBytes: residentBytesOf(processIds[0]),
    diskBytes: folder === undefined ? null : bytesIn(folder),
  };
}

function residentBytesOf(processId: number | undefined): number | null {
  if (process.platform !== 'linux' || processId === undefined) return null;
  const status = readFileSync(`/proc/${processId}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1_024;
}

/** The database without its log, which is bounded and shrinks to nothing. */
function bytesIn(folder: string): number {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.db'))
    .reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}
