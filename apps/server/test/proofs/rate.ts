import { pause } from './pause.ts';
import { serverPlace, spawnServer } from './server-process.ts';
import { submitBatches } from './submit-batches.ts';
import { epochMs, startTargetProcess, type TargetProcess } from './target-process.ts';

export interface RateOptions {
  readonly folder: string;
  /** Default: the server from its sources. */
  readonly program?: readonly string[];
  /** A target for each, all at once. */
  readonly perSeconds: readonly number[];
  /** Measured after all jobs were submitted. */
  readonly seconds: number;
}

export interface RateReport {
  readonly perSecond: number;
  /** When the first job was about to be submitted. */
  readonly begunAt: number;
  /** When the last had been. */
  readonly submittedAt: number;
  /** Moments of arrival at the target, oldest first. */
  readonly arrivals: readonly number[];
}

/** Longer than any submitting of these jobs takes: the backlog lasts to the end. */
const SPARE_SECONDS = 25;

/** Lets a server with a backlog and free concurrency call targets at their configured rates. */
export async function measureRates(options: RateOptions): Promise<readonly RateReport[]> {
  await using stack = new AsyncDisposableStack();
  const targets: { perSecond: number; target: TargetProcess }[] = [];
  for (const perSecond of options.perSeconds) {
    const target = stack.use(await startTargetProcess({ answerAfterMs: 5 }));
    targets.push({ perSecond, target });
  }
  const rates = Object.fromEntries(
    targets.map(({ perSecond, target }) => [
      target.origin,
      { requestsPerSecond: perSecond, concurrency: 200 },
    ]),
  );
  const place = serverPlace({ ...options, settings: { rates } });
  const server = await spawnServer(place).ready();
  stack.defer(() => server.kill());
  const begunAt = epochMs();
  for (const { perSecond, target } of targets) {
    const count = Math.ceil(perSecond * (options.seconds + SPARE_SECONDS));
    await submitBatches(server.url, place, count, (number) => ({
      url: `${target.origin}/${number}`,
    }));
  }
  const submittedAt = epochMs();
  await pause((options.seconds + 1) * 1_000);
  const reports: RateReport[] = [];
  for (const { perSecond, target } of targets) {
    const { arrivals } = await target.report();
    reports.push({ perSecond, begunAt, submittedAt, arrivals: arrivals.map(({ at }) => at) });
  }
  return reports;
}

/** The largest share of its rate that any window of so many milliseconds has seen. */
export function busiestWindow(arrivals: readonly number[], perSecond: number, ms: number): number {
  let most = 0;
  for (let first = 0, next = 0; first < arrivals.length; first += 1) {
    const start = arrivals[first] ?? 0;
    while ((arrivals[next] ?? Number.POSITIVE_INFINITY) < start + ms) next += 1;
    most = Math.max(most, next - first);
  }
  return most / ((perSecond * ms) / 1_000);
}
