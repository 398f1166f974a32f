import type { Clock, Operation, Verdict } from '@ezthrottle/engine';
import { createPeriodic } from './periodic.ts';
import type { Service } from './service.ts';

export interface PrunerOptions {
  readonly committer: { write(operation: Operation): Promise<Verdict> };
  readonly clock: Clock;
  /** What is older than this goes. Milliseconds. */
  readonly retentionMs: number;
  /** The write that removes what ended before a moment. Default: jobs with all that hangs on them. */
  readonly removal?: (before: number, limit: number, now: number) => Operation;
  /** Between rounds, in milliseconds. Default 1 000. */
  readonly everyMs?: number;
  /** Rows of each kind removed by one write: small, since others wait for it. Default 100. */
  readonly stepRows?: number;
  /** Writes in one round at most. Default 40, which keeps up with 4,000 jobs a second. */
  readonly maxSteps?: number;
  /** Default: always. */
  readonly isOurs?: (() => boolean) | undefined;
  readonly logger: { error(details: object, message: string): void };
}

export interface PruneCounts {
  /** Jobs, and idempotency keys that expired before their job was due to go. */
  readonly removed: number;
  readonly steps: number;
}

export interface Pruner extends Service {
  /** One round: steps until nothing is left to remove or the bound is reached. */
  runOnce(): Promise<PruneCounts>;
}

/** Removes what is past its time, a few rows per write. */
export function createPruner(options: PrunerOptions): Pruner {
  const { committer, clock, retentionMs, logger } = options;
  const { everyMs = 1_000, stepRows = 100, maxSteps = 40, removal = removeJobs } = options;

  async function runOnce(): Promise<PruneCounts> {
    let [removed, steps] = [0, 0];
    for (let isFull = true; isFull && steps < maxSteps; steps += 1) {
      const now = clock.now();
      const verdict = await committer.write(removal(now - retentionMs, stepRows, now));
      if (verdict.verdict !== 'ok') throw new PruneRefusedError(verdict);
      const count = verdict.count ?? 0;
      removed += count;
      isFull = count >= stepRows;
    }
    return { removed, steps };
  }

  const periodic = createPeriodic({
    name: 'pruner',
    clock,
    everyMs,
    isOurs: options.isOurs,
    round: runOnce,
    onError: (error) =>
      logger.error(
        { event: 'pruning_failed', err: error },
        'what is past its time cannot be removed',
      ),
  });
  return {
    name: periodic.name,
    start: () => periodic.start(),
    stop: () => periodic.stop(),
    runOnce,
  };
}

function removeJobs(jobsEndedBefore: number, limit: number, now: number): Operation {
  return { type: 'prune', now, jobsEndedBefore, limit };
}

/** The store refused to remove rows. */
export class PruneRefusedError extends Error {
  override readonly name = 'PruneRefusedError';
  readonly code = 'prune_refused';

  constructor(verdict: Verdict) {
    super(
      verdict.verdict === 'rejected'
        ? `the store refused to prune: ${verdict.reason}`
        : `the store answered a prune with ${verdict.verdict}`,
    );
  }
}
