import type { BodyEncoding, DeliveryView, JobStatus, JobView, WebhookRequest } from './job.ts';

/**
 * Why a job failed, by who has to do something about it. All but `engine_failure` are the doing of others:
 * none of them is a server error.
 */
export const DEAD_JOB_REASONS = [
  /** Its target answered, but not with a 2xx. */
  'target_refused',
  /** Its target could not be reached, or did not answer in time. */
  'target_unreachable',
  /** A deadline came first. */
  'gave_up',
  /** Its address may not be called. */
  'not_allowed',
  /** No region was alive, or a crash of the server hid the outcome. */
  'engine_failure',
] as const;

export type DeadJobReason = (typeof DEAD_JOB_REASONS)[number];

export const DEAD_DELIVERY_REASONS = ['gone', 'refused', 'gave_up', 'endpoint_disabled'] as const;

export type DeadDeliveryReason = (typeof DEAD_DELIVERY_REASONS)[number];

/** Which dead letters are meant; those of which all that is said is true. Absent: whatever it is. */
export interface DeadLetterFilter {
  readonly reasons?: readonly (DeadJobReason | DeadDeliveryReason)[];
  /** Origin of the job's own call, or of the endpoint, such as `https://api.example.com`. */
  readonly destination?: string;
  /** The account that the job is done for. */
  readonly user_id?: string;
  readonly tag?: string;
  /** Died at this moment or later, in milliseconds since the epoch. */
  readonly ended_from?: number;
  /** Died before this moment. */
  readonly ended_before?: number;
}

/** A row of the list of dead jobs. */
export interface DeadJobView {
  readonly job_id: string;
  readonly status: JobStatus;
  readonly state: 'failed' | 'deadletter';
  readonly reason: DeadJobReason;
  /** As in the job's result, for example `status_500`. */
  readonly error: string | null;
  readonly idempotent_key: string;
  readonly url: string;
  readonly method: string;
  readonly user_id: string | null;
  readonly tags: readonly string[];
  readonly created_at: number;
  readonly ended_at: number;
  /** The dead job that this one was a new try of. */
  readonly redrive_of: string | null;
  /** The new try of this one. */
  readonly redriven_as: { readonly job_id: string; readonly state: string } | null;
}

export interface DeadJobPage {
  /** Those that died last first. A page may show fewer than its limit, and its cursor go on all the same. */
  readonly jobs: readonly DeadJobView[];
  readonly next_cursor: string | null;
}

/** A dead job with all that has happened to it. */
export interface DeadJobDetail extends JobView {
  readonly reason: DeadJobReason;
  readonly error: string | null;
  readonly user_id: string | null;
  readonly redriven_as: DeadJobView['redriven_as'];
}

export interface DeadDeliveryView extends DeliveryView {
  readonly job_id: string;
  readonly endpoint_id: string;
  /** When it died last; null while it is not dead. */
  readonly died_at: number | null;
  readonly user_id: string | null;
  readonly tags: readonly string[];
}

export interface DeadDeliveryPage {
  readonly deliveries: readonly DeadDeliveryView[];
  readonly next_cursor: string | null;
}

export interface DeliveryAttemptView {
  readonly attempt: number;
  readonly status_code: number | null;
  readonly error: string | null;
  readonly started_at: number;
  readonly ended_at: number;
}

export interface DeadDeliveryDetail extends Omit<DeadDeliveryView, 'user_id' | 'tags' | 'died_at'> {
  readonly history: readonly DeliveryAttemptView[];
  /** When it was replayed last, and how many attempts it had then. */
  readonly replayed: { readonly at: number; readonly after_attempts: number } | null;
  /** Answer to a replay: nothing was sent now, this is what there is already. */
  readonly duplicate?: true;
  /** And it goes to another address than the one that was asked for. */
  readonly mismatch?: true;
}

/** What a new try of a job has otherwise. What is absent stays as it was. */
export interface JobEdit {
  readonly url?: string;
  readonly method?: string;
  /** Merged by name; an empty text takes a header away. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly body_encoding?: BodyEncoding;
  readonly webhooks?: readonly WebhookRequest[];
  /** No attempt starts after this instant; 0: none is too late. */
  readonly execute_before?: number;
}

export interface ReplayJobRequest {
  /** Why; absent: the header `X-EZThrottle-Reason` says it. */
  readonly reason?: string;
  /** Once more, though there is a new try of it already. Default false: that one is the answer. */
  readonly again?: boolean;
  readonly edit?: JobEdit;
}

/** Answer to a replay: 201, or 200 when the job has been replayed already. */
export interface ReplayJobReply {
  readonly job_id: string;
  readonly redrive_of: string;
  readonly status: JobStatus;
  readonly state: string;
  readonly duplicate?: true;
  /** The new try that there is already has another method, URL or body. */
  readonly mismatch?: true;
}

export interface ReplayDeliveryRequest {
  /** Why; absent: the header `X-EZThrottle-Reason` says it. */
  readonly reason?: string;
  /** A delivery with an id of its own, which receivers do not know yet. Default false. */
  readonly as_new?: boolean;
  /** Where the new one goes instead; only with `as_new`. */
  readonly url?: string;
}
