import {
  type JobState,
  jobStatus,
  type SubmitReply,
  type WarningView,
} from '@ezthrottle/core/protocol';
import { isRacing } from '../deliver/result-view.ts';
import { keyExpiresAt } from '../admit/key-conflict.ts';
import type { JobSpec } from '../job/job-spec.ts';
import type { Id, IdempotencyClaim, Verdict } from '../ports/operation.ts';
import type { JobRecord } from '../ports/records.ts';

/** The job that a submit has led to: its own, or the first one under its key. */
export interface TakenJob {
  readonly id: Id;
  readonly state: JobState;
  readonly createdAt: number;
  /** End of the idempotency window, in milliseconds since the epoch; of a live job the latest possible. */
  readonly expiresAt: number;
  readonly racing: boolean;
  readonly duplicate: boolean;
  readonly mismatch: boolean;
  /** The job that this one has replaced. */
  readonly replaced: Id | null;
}

/** Of a job that names no moment of its own. */
const NO_DEADLINE = { notBefore: null, onFailureTimeoutMs: null } as const;

type TakingVerdict = Extract<Verdict, { readonly verdict: 'ok' | 'duplicate' }>;

/**
 * What a store's verdict on a submit means for its sender.
 *
 * @param first Of a duplicate: the first job, whose spec says until when it may run; null: it is not known.
 */
export function takenJob(
  job: {
    readonly id: Id;
    readonly spec: JobSpec;
    readonly createdAt: number;
    readonly idempotency: Pick<IdempotencyClaim, 'windowMs'>;
  },
  verdict: TakingVerdict,
  first: Pick<JobRecord, 'spec' | 'end'> | null = null,
): TakenJob {
  if (verdict.verdict === 'duplicate') {
    const { jobId, state, createdAt, racing, mismatch, windowMs } = verdict;
    const { spec } = first ?? { spec: NO_DEADLINE };
    const endedAt = first?.end?.at ?? null;
    const expiresAt = verdict.expiresAt ?? keyExpiresAt({ spec, createdAt, endedAt, windowMs });
    const known = { id: jobId, state, createdAt, expiresAt, racing };
    return { ...known, duplicate: true, mismatch, replaced: null };
  }
  const { windowMs } = job.idempotency;
  const isLater = job.spec.notBefore !== null && job.spec.notBefore > job.createdAt;
  return {
    id: job.id,
    state: isLater ? 'scheduled' : 'pending',
    createdAt: job.createdAt,
    expiresAt: keyExpiresAt({ ...job, endedAt: null, windowMs }),
    racing: isRacing(job.spec),
    duplicate: false,
    mismatch: false,
    replaced: verdict.replaced ?? null,
  };
}

/** The answer to a submit. */
export function submitReply(
  taken: TakenJob,
  idempotentKey: string,
  warnings: readonly WarningView[],
): SubmitReply {
  return {
    job_id: taken.id,
    status: jobStatus(taken.state, taken.racing),
    state: taken.state,
    idempotent_key: idempotentKey,
    queued_at: taken.createdAt,
    idempotency_expires_at: taken.expiresAt,
    ...(taken.duplicate && { duplicate: true }),
    ...(taken.mismatch && { mismatch: true }),
    ...(taken.replaced !== null && { replaced_job_id: taken.replaced }),
    ...(warnings.length > 0 && { warnings }),
  };
}
