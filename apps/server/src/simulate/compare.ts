import { destinationLimit } from '@ezthrottle/core/protocol';
import type { Id } from '@ezthrottle/engine';
import type { RecordedSubmit } from '../recording/recorded-line.ts';
import type { Recording } from './read-recording.ts';
import type { ReplayedStart } from './replay-executor.ts';

/** How the jobs of one key fared. Times are milliseconds. */
export interface KeyFigures {
  readonly key: string;
  /** Jobs whose first call was sent. */
  readonly jobs: number;
  /** From when a job might start to when it did. */
  readonly waitP50: number;
  readonly waitP99: number;
  /** Jobs by the second, from the first start to the last. */
  readonly perSecond: number;
}

/** How near a replay of what was recorded comes to it. */
export interface Fidelity {
  readonly recorded: number;
  /**
   * Calls that the replay sent at the very moment at which they were, in the same order; where it has no
   * turns to go by, within a millisecond.
   */
  readonly same: number;
  /** In milliseconds. */
  readonly largest: number;
  /** Whether every turn of the server was replayed. */
  readonly isExact: boolean;
}

/** Digits behind which times that are the same may differ, in milliseconds: they were added up otherwise. */
const SAME_MOMENT_MS = 1e-6;

/** The figures of each destination and limit, by the first calls of their jobs. */
export function keyFigures(
  { inputs }: Pick<Recording, 'inputs'>,
  starts: readonly ReplayedStart[],
): readonly KeyFigures[] {
  const jobs = new Map<Id, RecordedSubmit>();
  for (const input of inputs) if (input.type === 'submit') jobs.set(input.id, input);
  const byKey = new Map<string, { waits: number[]; first: number; last: number }>();
  const seen = new Set<Id>();
  for (const { job: id, at } of starts) {
    const job = jobs.get(id);
    if (job === undefined || seen.has(id)) continue;
    seen.add(id);
    const [{ origin, limits = [] }] = job.spec.paths;
    const delayMs = Math.max(0, (job.spec.notBefore ?? 0) - job.createdAt);
    const wait = Math.max(0, at - job.t - delayMs);
    for (const key of [destinationLimit(origin), ...limits.map((limit) => limit.key)]) {
      const known = byKey.get(key) ?? { waits: [], first: at, last: at };
      known.waits.push(wait);
      known.last = Math.max(known.last, at);
      byKey.set(key, known);
    }
  }
  return [...byKey]
    .map(([key, { waits, first, last }]) => {
      const sorted = waits.toSorted((one, other) => one - other);
      const spanMs = last - first;
      return {
        key,
        jobs: waits.length,
        waitP50: percentile(sorted, 50),
        waitP99: percentile(sorted, 99),
        perSecond: spanMs === 0 ? waits.length : ((waits.length - 1) * 1_000) / spanMs,
      };
    })
    .toSorted((one, other) => (one.key < other.key ? -1 : 1));
}

/** Of a replay that has to give the very same, each in its place. */
export function exactFidelity(
  { starts: recorded }: Pick<Recording, 'starts'>,
  starts: readonly ReplayedStart[],
): Fidelity {
  let same = 0;
  let largest = 0;
  for (const [place, { job, attempt, t }] of recorded.entries()) {
    const start = starts[place];
    if (start?.job !== job || start.attempt !== attempt) continue;
    const apart = Math.abs(start.at - t);
    if (apart <= SAME_MOMENT_MS) same += 1;
    largest = Math.max(largest, apart);
  }
  return { recorded: recorded.length, same, largest, isExact: true };
}

export function fidelityOf(
  { starts: recorded }: Pick<Recording, 'starts'>,
  starts: readonly ReplayedStart[],
): Fidelity {
  const replayed = new Map(starts.map(({ job, attempt, at }) => [`${job} ${attempt}`, at]));
  let same = 0;
  let largest = 0;
  for (const { job, attempt, t } of recorded) {
    const at = replayed.get(`${job} ${attempt}`);
    if (at === undefined) continue;
    const apart = Math.abs(at - t);
    if (apart <= 1) same += 1;
    largest = Math.max(largest, apart);
  }
  return { recorded: recorded.length, same, largest, isExact: false };
}

function percentile(sorted: readonly number[], percent: number): number {
  const index = Math.ceil((sorted.length * percent) / 100) - 1;
  return sorted[Math.max(0, index)] ?? 0;
}
