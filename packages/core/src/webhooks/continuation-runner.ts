import type { Delivery } from '../protocol/decode-delivery.ts';

/** Whether a piece of work is ours to do, by the receiver's own dedupe store. */
export type WorkClaim =
  | {
      readonly state: 'acquired';
      /**
       * Marks the work as done, so that nobody does it again.
       * Rejects when the lease was lost meanwhile; then it may be done once more.
       */
      readonly commit: () => Promise<void>;
      /** Gives the work back after a failure, so that the next delivery tries again. */
      readonly release: () => Promise<void>;
    }
  | { readonly state: 'in_flight' }
  | { readonly state: 'done' };

export interface ContinuationContext {
  /** Aborted when the time for handling is up, or when whoever called `receive` gave up. */
  readonly signal: AbortSignal;
  /**
   * Claims work by an id of its own, such as `<job id>/<path>`: the same work may arrive under
   * several delivery ids. Ids of continuations and of deliveries never meet.
   */
  readonly claim: (id: string) => Promise<WorkClaim>;
  /**
   * What is left of the time for handling, in milliseconds: whatever is to be made good when a call
   * hangs must have its place in it. Absent: no limit is known.
   */
  readonly remainingMs?: () => number;
  /** Takes an error that no repeat of the delivery would cure. Default: `console.error`. */
  readonly report?: (error: unknown) => void;
}

/**
 * Carries on what follows a job, when the delivery brings a continuation along; does nothing when it
 * brings none. It runs beside the handlers. A rejection makes the receiver answer 500, so that the
 * delivery is sent again (handlers that were through do not run again); reject with
 * `WorkInFlightError` while another process does the work, and the answer is 409.
 */
export interface ContinuationRunner {
  run(delivery: Delivery, context: ContinuationContext): Promise<void>;
}
