import type { Metadata, ResponseView } from './job.ts';

/** Body of a signed webhook of the cloud dialect. Everything in it is covered by the signature. */
export interface DeliveryPayload {
  readonly delivery_id: string;
  readonly endpoint_id: string;
  /** From 1. */
  readonly attempt: number;
  readonly job_id: string;
  readonly idempotent_key: string;
  readonly status: 'success' | 'failed';
  readonly response?: ResponseView;
  readonly responses?: readonly ResponseView[];
  readonly error?: string;
  /** 0 the job's own call, n its n-th fallback; absent when no path gave a result. */
  readonly path?: number;
  /** Every path that had started, in order; absent when the job had only its own call. */
  readonly tried_paths?: readonly number[];
  readonly metadata: Metadata;
  readonly tags?: readonly string[];
  readonly parent_job_id?: string;
  /** When the job ended, in milliseconds since the epoch. */
  readonly ended_at: number;
}

/** The one metadata key that is ours: a continuation travels under it. */
export const CONTINUATION_METADATA_KEY = '_ezthrottle_continuation';
