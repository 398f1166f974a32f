import { pause } from './pause.ts';
import { serverPlace, spawnServer } from './server-process.ts';
import { submitBatches } from './submit-batches.ts';
import { startTargetProcess, type TargetArrival, type TargetPhase } from './target-process.ts';

export interface ConvergenceOptions {
  readonly phases: readonly TargetPhase[];
  /** Milliseconds until the target answers. */
  readonly answerAfterMs: number;
  readonly announces: boolean;
}

export interface ServerUnderLimit extends ConvergenceOptions {
  readonly folder: string;
  /** Default: the server from its sources. */
  readonly program?: readonly string[];
  /** The operator's ceiling; null: none, so that it begins at two a second. */
  readonly ceiling: number | null;
}

/** Arrivals since the first phase began, in milliseconds from there. */
export type Course = readonly TargetArrival[];

/** A server with a backlog without end, before a target whose limit changes. */
export async function serverCourse(options: ServerUnderLimit): Promise<Course> {
  const { phases, ceiling } = options;
  await using target = await startTargetProcess(options);
  const rule = { requestsPerSecond: ceiling ?? 1_000, concurrency: 1_000 };
  const rates = ceiling === null ? {} : { [target.origin]: rule };
  const place = serverPlace({ ...options, settings: { rates } });
  const server = await spawnServer(place).ready();
  try {
    const capacity = phases.reduce(
      (sum, { perSecond, forMs }) => sum + (perSecond * forMs) / 1_000,
      0,
    );
    // They all become due at one moment, when they are all there.
    const dueAt = Date.now() + Math.ceil(capacity / 2) + 2_000;
    await submitBatches(server.url, place, Math.ceil(capacity * 1.2), (number) => ({
      url: `${target.origin}/${number}`,
      retry_at: dueAt,
    }));
    await pause(dueAt - Date.now());
    target.begin();
    await pause(lengthOf(phases));
    const { begunAt, arrivals } = await target.report();
    return arrivals.map((each) => ({ ...each, at: each.at - begunAt }));
  } finally {
    await server.kill();
  }
}

/**
 * A client without a pacer: so many workers each send their next call when the one before went well,
 * and send a refused one again after 0.5 s, doubled each time up to 30 s, half of it random.
 *
 * @param perSecond Calls of all workers together leave at this rate at most; null: as fast as they may.
 */
export async function clientCourse(
  options: ConvergenceOptions & { readonly workers: number; readonly perSecond: number | null },
): Promise<Course> {
  const { phases, workers, perSecond } = options;
  await using target = await startTargetProcess(options);
  const end = performance.now() + lengthOf(phases);
  let freeAt = performance.now();
  const worker = async (): Promise<void> => {
    let refusals = 0;
    while (performance.now() < end) {
      if (perSecond !== null) {
        freeAt = Math.max(freeAt, performance.now()) + 1_000 / perSecond;
        await pause(freeAt - 1_000 / perSecond - performance.now());
      }
      const response = await fetch(target.origin, { method: 'POST' });
      await response.arrayBuffer();
      refusals = response.status === 200 ? 0 : refusals + 1;
      if (refusals === 0) continue;
      const longest = Math.min(30_000, 500 * 2 ** (refusals - 1));
      await pause(Math.min(longest * (0.5 + Math.random() / 2), end - performance.now()));
    }
  };
  target.begin();
  await Promise.all(Array.from({ length: workers }, worker));
  const { begunAt, arrivals } = await target.report();
  return arrivals.map((each) => ({ ...each, at: each.at - begunAt }));
}

function lengthOf(phases: readonly TargetPhase[]): number {
  return phases.reduce((sum, { forMs }) => sum + forMs, 0);
}

export interface Use {
  /** Share of the limit that was used. */
  readonly used: number;
  /** Share of the calls that were answered 429. */
  readonly refused: number;
}

/** What was made of a limit between two moments. */
export function useOf(course: Course, from: number, to: number, perSecond: number): Use {
  const seen = course.filter(({ at }) => at >= from && at < to);
  const accepted = seen.filter(({ status }) => status === 200).length;
  return {
    used: accepted / ((perSecond * (to - from)) / 1_000),
    refused: seen.length === 0 ? 0 : (seen.length - accepted) / seen.length,
  };
}

/**
 * Milliseconds from the beginning of a phase to the first five seconds of which nine tenths are used
 * and two in a hundred refused; null when there are none.
 */
export function convergedAfter(
  course: Course,
  from: number,
  { perSecond, forMs }: TargetPhase,
): number | null {
  for (let after = 0; after + 5_000 <= forMs; after += 250) {
    const start = from + after;
    const { used, refused } = useOf(course, start, start + 5_000, perSecond);
    if (used >= 0.9 && refused <= 0.02) return after;
  }
  return null;
}
