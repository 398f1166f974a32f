import type { Id } from '@ezthrottle/engine';

/** What a person watching a job sees. `at` is milliseconds since the epoch. */
export type JobNotice = { readonly jobId: Id; readonly at: number } & (
  | { readonly type: 'queued' }
  /**
   * It waits at `key`, an origin or a limit's name: for the pace (`until` known), or for a free slot or
   * an answer (null).
   */
  | {
      readonly type: 'waiting';
      readonly key: string;
      readonly reason:
        | 'rate'
        | 'concurrency'
        | 'paused'
        | 'allotment'
        /** The destination is taken for down: nothing is sent until it is tried again. */
        | 'circuit'
        | 'behind_others';
      readonly until: number | null;
    }
  /** So many calls of its line go first. */
  | { readonly type: 'position'; readonly position: number }
  | {
      readonly type: 'dispatching';
      readonly attempt: number;
      readonly path: number;
      readonly region: string;
    }
  | {
      readonly type: 'retrying';
      readonly attempt: number;
      readonly reason: string;
      readonly statusCode: number | null;
      readonly retryAt: number;
    }
  | { readonly type: 'completed' }
  | { readonly type: 'failed' }
  | { readonly type: 'cancelled' }
);

/** Where the engine tells what happens; telling never fails and never waits. */
export interface JobNotices {
  publish(notice: JobNotice): void;
  /** Whether anybody watches this job: lets the teller skip the work. */
  isWatched(jobId: Id): boolean;
}
