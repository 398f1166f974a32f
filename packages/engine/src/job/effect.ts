import type { JobSpec } from './job-spec.ts';
import type { JobEnd } from './run.ts';

/** What must follow from a decision, as data. The store writes them all or none. */
export type Effect =
  /** The leg stands in line at its origin from `readyAt` on. */
  | { readonly type: 'enqueue'; readonly leg: number; readonly readyAt: number }
  /** The leg leaves the line, or its armed attempt is aborted. */
  | { readonly type: 'withdraw'; readonly leg: number; readonly attempt: number | null }
  /** Decide again at this moment; replaces an earlier one; null: no timer runs. */
  | { readonly type: 'wake'; readonly at: number | null }
  /** The response of this attempt must be kept: it may become the result. */
  | { readonly type: 'keep_response'; readonly attempt: number }
  | { readonly type: 'end'; readonly end: JobEnd }
  /** A child job; `edge` names it within its parent, for example `on_success` or `fallback[0].on_failure`. */
  | { readonly type: 'spawn'; readonly edge: string; readonly spec: JobSpec }
  /** The job's webhook with this index gets the result. */
  | { readonly type: 'deliver'; readonly webhook: number };
