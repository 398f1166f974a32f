import type { JobRequest, TriggerRequest } from './job.ts';

/**
 * A compiled step tree, as plain JSON: either run by the caller (`local`) or handed to the server
 * (`submit`). Every step of the tree stands in it exactly once.
 */
export type Plan = LocalPlan | SubmitPlan;

/** One job payload: a maximal tree of steps that the server runs by itself. */
export interface SubmitPlan {
  readonly kind: 'submit';
  /** Canonical; children of the server's are nested in it, continuations are not yet inside. */
  readonly job: JobRequest;
  /** What the caller runs after a job of this payload has ended; empty when the server runs it all. */
  readonly continuations: readonly PlannedContinuation[];
}

/** A call made by the caller's own process, and what follows. */
export interface LocalPlan {
  readonly kind: 'local';
  /** The step's own call and the fields a forwarded job has; no children, no fallbacks. */
  readonly job: JobRequest;
  /** Time allowed to the local call, in milliseconds. */
  readonly timeout_ms: number;
  /** In order; those of fallbacks stand right behind them. */
  readonly fallbacks: readonly PlannedFallback[];
  /** Statuses that hand the step to the server. Network errors and timeouts always do. */
  readonly forward_codes: readonly number[];
  /** Endpoint that gets the continuation of a forwarded job; null when there is none. */
  readonly endpoint: string | null;
  /** Names this step's continuation, should it be forwarded. */
  readonly continuation_id: string | null;
  readonly on_success?: Plan;
  readonly on_failure?: Plan;
}

export interface PlannedFallback {
  /** Absent: on any failure. */
  readonly trigger?: TriggerRequest;
  /** False: it needs the server, so it is left to a forwarded job. */
  readonly local: boolean;
  readonly job: JobRequest;
  readonly timeout_ms: number;
  /** After this fallback gave the success. */
  readonly on_success?: Plan;
  /** After the whole failed and this fallback had run. */
  readonly on_failure?: Plan;
}

/** What the caller runs after one job of a payload has ended. */
export interface PlannedContinuation {
  /** The job within the payload: keys from the root, empty for the root itself. */
  readonly at: readonly ('on_success' | 'on_failure' | 'fallback_job')[];
  readonly content: ContinuationContent;
}

/** What travels sealed in a job's metadata. */
export interface ContinuationContent {
  readonly version: 1;
  /** Random; with job id and edge, what may run once. */
  readonly id: string;
  /** The one endpoint that may run it. */
  readonly endpoint: string;
  /** Key of the job that it follows, where that is known when it is sealed. */
  readonly key?: string;
  readonly edges: readonly ContinuationEdge[];
}

export interface ContinuationEdge {
  readonly on: 'success' | 'failure';
  /** Null: however the job ended so. n: only when its n-th fallback gave the result. */
  readonly path: number | null;
  readonly plan: Plan;
}
