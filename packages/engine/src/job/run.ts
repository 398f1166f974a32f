import type { JobState } from '@ezthrottle/core/protocol';
import type { Outcome } from './outcome.ts';

/**
 * One line of attempts: a path in a region. `waiting` stands in its destination's queue,
 * `armed` has a committed attempt number and token, `ended` will not run again.
 */
export type Leg = {
  readonly id: number;
  readonly path: number;
  readonly region: string;
  /** Regions this leg was rerouted away from. */
  readonly triedRegions: readonly string[];
  readonly retries: number;
  readonly reroutes: number;
  /** Times that a crash hid the outcome of an armed attempt. */
  readonly unknowns: number;
  /** 429s that named their delay: they cost no retry. */
  readonly heldBack: number;
  /** Started beside another leg that took long. It is not tried again. */
  readonly isHedge?: true;
  /** Where the answers of its attempts have led it. Absent: nowhere else. */
  readonly redirect?: Redirect;
} & (
  | { readonly state: 'waiting'; readonly readyAt: number }
  | { readonly state: 'armed'; readonly attempt: number; readonly token: string }
  | {
      readonly state: 'ended';
      readonly result: 'success' | 'failure' | 'dropped';
      /** The attempt that ended it; null when it never ran. */
      readonly attempt: number | null;
      readonly failure: Failure | null;
    }
);

/** Another address to which a call goes, and what of the call goes with it. */
export interface Redirect {
  readonly url: string;
  /** How many it took to get there. */
  readonly hops: number;
  readonly method: string;
  readonly hasBody: boolean;
  /** Whether it has ever left its origin: then its credentials are gone. */
  readonly isElsewhere: boolean;
}

/** Why a path failed, as far as the next decision needs to know. */
export type Failure =
  | { readonly kind: 'status'; readonly status: number }
  | { readonly kind: Exclude<Outcome['kind'], 'response' | 'aborted'>; readonly message: string };

export type PathState =
  | { readonly state: 'idle' }
  | {
      readonly state: 'running';
      readonly startedAt: number | null;
      /** When a second call is to be started beside the one that is out. Absent: none is planned. */
      readonly hedgeAt?: number;
    }
  | { readonly state: 'failed'; readonly failure: Failure; readonly startedAt: number | null }
  | { readonly state: 'succeeded'; readonly startedAt: number | null };

/** How a job ended; attempts are named by number, their responses stand in the store. */
export interface JobEnd {
  readonly state: 'completed' | 'failed' | 'cancelled';
  readonly at: number;
  /** The path that gave the result, if one did. */
  readonly path: number | null;
  /** The attempt whose response is the result, if there is one. */
  readonly attempt: number | null;
  /** A fan-out's attempts, in the order of its regions; otherwise empty. */
  readonly attempts: readonly number[];
  /** Paths that had started, in order. */
  readonly triedPaths: readonly number[];
  /** Why it failed; null when it completed. */
  readonly error: string | null;
}

/** Everything about a job that changes while it runs. Plain data; a new object for every change. */
export interface RunState {
  readonly state: JobState;
  readonly acceptedAt: number;
  /** Last attempt number given; 0 before the first. */
  readonly attempts: number;
  readonly legs: readonly Leg[];
  /** Same length and order as `spec.paths`. */
  readonly paths: readonly PathState[];
  /** Path that started last: the one whose successor's `on_timeout` is being measured. */
  readonly lastStartedPath: number;
  /** The newest response that was kept, which is the result if nothing better comes; absent until there is one. */
  readonly lastResponse?: { readonly path: number; readonly attempt: number };
  readonly end: JobEnd | null;
}
