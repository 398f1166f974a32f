/**
 * Shapes of a job on the wire. Names are snake_case, as every client of the three dialects reads them.
 * What these shapes mean is written in `spec/`; how they are checked, in `./schemas/`.
 */

import type { WireError } from './wire-error.ts';

/** Where a job stands, in the one vocabulary that the server uses inside. `spec/states.md` draws it. */
export const JOB_STATES = [
  'pending',
  'scheduled',
  'processing',
  'completed',
  'failed',
  'deadletter',
  'cancelled',
] as const;

export type JobState = (typeof JOB_STATES)[number];

/** States that a job never leaves. */
export type FinalJobState = 'completed' | 'failed' | 'deadletter' | 'cancelled';

export function isFinalState(state: JobState): state is FinalJobState {
  return (
    state === 'completed' || state === 'failed' || state === 'deadletter' || state === 'cancelled'
  );
}

/** Words of the cloud dialect, used in `status` of every `/api/v1/jobs` answer. */
export type JobStatus = 'queued' | 'racing' | 'processing' | 'success' | 'failed' | 'cancelled';

export type RegionPolicy = 'fallback' | 'strict';

/** `failover` (one region at a time) is ours; `race` and `fanout` are the cloud dialect's. */
export type ExecutionMode = 'race' | 'fanout' | 'failover';

export type BodyEncoding = 'utf8' | 'base64';

/** JSON as a value; what users put into metadata. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

export type Metadata = { readonly [key: string]: JsonValue };

export interface WebhookRequest {
  /** Absolute http(s) address that receives the signed result. */
  readonly url: string;
  /** Regions to deliver from. Default: any. */
  readonly regions?: readonly string[];
  /** Whether a 2xx of this endpoint counts towards `webhook_quorum`. Default: true. */
  readonly has_quorum_vote?: boolean;
  /** Whether this endpoint receives the job's continuation. Default: only the first webhook does. */
  readonly continuation?: boolean;
}

export interface RetryPolicyRequest {
  /** Further attempts in the same region. Default 3. */
  readonly max_retries?: number;
  /** Further attempts from other regions. Default 2. */
  readonly max_reroutes?: number;
  /** Statuses that are tried again in the same region. Default 429, 503. */
  readonly retry_codes?: readonly number[];
  /** Statuses that are tried again from another region. Default 500, 502, 504. */
  readonly reroute_codes?: readonly number[];
}

/** When a fallback starts. Absent or empty: on any failure of what it is attached to. */
export type TriggerRequest =
  | { readonly type: 'on_error'; readonly codes: readonly number[] }
  | { readonly type: 'on_timeout'; readonly timeout_ms: number }
  | { readonly type?: undefined };

/** A limit that a job counts against, beside its destination. On the wire its key alone says the same. */
export interface LimitRequest {
  /** Name of a limit of the organization. */
  readonly key: string;
  /** What one call takes from the limit, at most its burst; for tokens an estimate. Default 1. */
  readonly cost?: number;
  /** Header of the answer that says what the call really cost; the limit is settled by it. */
  readonly settle_header?: string;
  /** Where the body of the answer says so, for example `$.usage.total_tokens`. */
  readonly settle_path?: string;
}

/** Among whom an idempotency key is unique: everybody in the organization, or one account of it. */
export type IdempotencyScope = 'organization' | 'account';

/** What is done with a job whose idempotency key is taken. */
export type ConflictPolicy = 'return' | 'reject' | 'replace';

/** A job as a client submits it, in its canonical spelling. */
export interface JobRequest {
  readonly url: string;
  /** Default `GET`. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** `base64` for binary bodies. Default `utf8`. */
  readonly body_encoding?: BodyEncoding;
  /** Time allowed to one attempt, in milliseconds. Default 30 000. */
  readonly timeout_ms?: number;
  /** Echoed in the delivery, never sent to the target. */
  readonly metadata?: Metadata;
  readonly tags?: readonly string[];
  readonly webhooks?: readonly WebhookRequest[];
  /** How many voting webhooks must answer 2xx. Default 1. */
  readonly webhook_quorum?: number;
  readonly regions?: readonly string[];
  readonly region_policy?: RegionPolicy;
  readonly execution_mode?: ExecutionMode;
  readonly retry_policy?: RetryPolicyRequest;
  readonly fallback_job?: FallbackJobRequest;
  readonly on_success?: JobRequest;
  readonly on_failure?: JobRequest;
  /** Deadline of the whole job, from acceptance, in milliseconds. */
  readonly on_failure_timeout_ms?: number;
  /** Absent: the server derives one from method, URL and body. */
  readonly idempotent_key?: string;
  /** Answer 422 instead of the first job when the key is known with another payload. Default false. */
  readonly strict_idempotency?: boolean;
  /** How long the key stays taken after the job has ended, in milliseconds. Default: the server's, 24 h. */
  readonly idempotency_window_ms?: number;
  /** Default `organization`. */
  readonly idempotency_scope?: IdempotencyScope;
  /** Default `return`: the first job is the answer. `replace` works until its first attempt is armed. */
  readonly on_conflict?: ConflictPolicy;
  /** Send the key to the target as `Idempotency-Key`. Default false. */
  readonly send_idempotency_key?: boolean;
  /** Send `traceparent` (and `tracestate` within the submitter's trace) to the target and the webhooks, so that they go on. Default false. */
  readonly send_traceparent?: boolean;
  /** Do not start before this instant, in milliseconds since the epoch. */
  readonly retry_at?: number;
  /** Account within the API key's organization; the unit of fairness. */
  readonly user_id?: string;
  /** −100 to 100, higher goes first. Default 0. */
  readonly priority?: number;
  /** Limits that every call of this job counts against, all or none. */
  readonly limits?: readonly LimitRequest[];
  /** Start a second call when the first has not answered after this time, in milliseconds. */
  readonly hedge_after_ms?: number;
  /** The same, after the time within which this many percent of the target's answers came, 50 to 99. */
  readonly hedge_percentile?: number;
  /** Second calls in percent of all calls to the target, at most. Default 10. */
  readonly hedge_budget_percent?: number;
  /** No attempt starts after this instant, in milliseconds since the epoch. */
  readonly execute_before?: number;
  /**
   * Redirects that are followed, 0 to 5. Default 0: one is an answer like any other. Each hop is an attempt of its
   * own at its own destination; credentials and secrets do not leave the origin.
   */
  readonly follow_redirects?: number;
  /** `never`: an attempt whose outcome a crash has hidden is not sent again. Default `allowed`. */
  readonly repeat?: 'allowed' | 'never';
}

export interface FallbackJobRequest extends JobRequest {
  readonly trigger?: TriggerRequest;
}

/** Answer to a submit: 201 when new, 200 when a duplicate. */
export interface SubmitReply {
  readonly job_id: string;
  readonly status: JobStatus;
  readonly state: JobState;
  readonly idempotent_key: string;
  /** Milliseconds since the epoch. */
  readonly queued_at: number;
  /**
   * Until when the key is taken, in milliseconds since the epoch. While the job is live: the latest that it
   * can be.
   */
  readonly idempotency_expires_at: number;
  readonly duplicate?: true;
  /** A duplicate key came with another method, URL or body. */
  readonly mismatch?: true;
  /** The job that was cancelled for this one, with `on_conflict: 'replace'`. */
  readonly replaced_job_id?: string;
  /** Unknown or unused fields of the request, each with its path. */
  readonly warnings?: readonly WarningView[];
}

/** Answer to a batch: one item per job, in the order of the jobs. The batch itself is answered 200. */
export interface BatchReply {
  readonly results: readonly {
    /** What the job alone would have been answered with: 201, 200, 400, 409, 422, 429. */
    readonly status_code: number;
    readonly body: SubmitReply | WireError;
  }[];
}

export interface WarningView {
  readonly path: string;
  readonly message: string;
}

/** What a target answered, as it stands in deliveries and job views. */
export interface ResponseView {
  readonly status_code: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly body_encoding?: 'base64';
  readonly truncated?: true;
  /** Only in `responses` of a fan-out. */
  readonly region?: string;
}

export interface AttemptView {
  readonly attempt: number;
  /** 0 is the job's own call, n its n-th fallback. */
  readonly path: number;
  readonly region: string;
  readonly url: string;
  readonly outcome:
    | 'armed'
    | 'response'
    | 'network_error'
    | 'timeout'
    | 'aborted'
    | 'refused'
    | 'unknown';
  readonly status_code: number | null;
  readonly error: string | null;
  readonly started_at: number | null;
  readonly ended_at: number | null;
}

export interface DeliveryView {
  readonly delivery_id: string;
  readonly url: string;
  readonly state: 'pending' | 'delivered' | 'dead';
  readonly has_quorum_vote: boolean;
  readonly attempts: number;
  readonly status_code: number | null;
  readonly error: string | null;
  /** Why a dead one is not tried again: 410, an address that may not be called, too late, endpoint disabled. */
  readonly dead_reason: 'gone' | 'refused' | 'gave_up' | 'endpoint_disabled' | null;
  readonly next_attempt_at: number | null;
}

/** One job as `GET /api/v1/jobs/:id` shows it. */
export interface JobView {
  readonly job_id: string;
  readonly status: JobStatus;
  readonly state: JobState;
  readonly idempotent_key: string;
  /**
   * Until when the key is taken, in milliseconds since the epoch. While the job is live: the latest that it
   * can be.
   */
  readonly idempotency_expires_at: number;
  readonly url: string;
  readonly method: string;
  readonly tags: readonly string[];
  readonly metadata: Metadata;
  readonly created_at: number;
  readonly started_at: number | null;
  readonly ended_at: number | null;
  readonly parent_job_id: string | null;
  /** The dead job that this one is a new try of. */
  readonly redrive_of?: string;
  readonly children: readonly { readonly job_id: string; readonly edge: string }[];
  /** Those that led to a call. The numbers of others, prepared and taken back before it, are not given again. */
  readonly attempts: readonly AttemptView[];
  readonly deliveries: readonly DeliveryView[];
  /** Null until enough voting webhooks have answered 2xx, or when there are none. */
  readonly quorum_reached_at: number | null;
  /** The same object as the webhook's, once the job has ended. */
  readonly result: ResultView | null;
  /** Parts that are not kept any more; absent: all are. */
  readonly erased?: readonly ('bodies' | 'headers' | 'attempts' | 'request')[];
}

/**
 * Answer to a submit with `Prefer: wait=N` when the job has ended in time: what the submit would have been
 * answered, and the job as it is shown, with its result.
 */
export interface FinishedJobReply extends Omit<SubmitReply, keyof JobView>, JobView {}

export interface ResultView {
  readonly status: 'success' | 'failed';
  readonly response?: ResponseView;
  readonly responses?: readonly ResponseView[];
  readonly error?: string;
  /** Which path gave the result: 0 the job's own call, n its n-th fallback; absent when none did. */
  readonly path?: number;
  /** Every path that had started, in order; absent when the job had only its own call. */
  readonly tried_paths?: readonly number[];
}

export interface JobSummaryView {
  readonly job_id: string;
  readonly status: JobStatus;
  readonly state: JobState;
  readonly idempotent_key: string;
  readonly url: string;
  readonly method: string;
  readonly tags: readonly string[];
  readonly created_at: number;
  readonly ended_at: number | null;
}

export interface JobPage {
  readonly jobs: readonly JobSummaryView[];
  /** Pass as `cursor` to read on; null at the end. */
  readonly next_cursor: string | null;
}
