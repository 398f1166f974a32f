import {
  type JobState,
  jobStatus,
  type SubmitReply,
  type WarningView,
} from '@ezthrottle/core/protocol';
import { isRacing } from '../deliver/result-view.ts';
import type { JobSpec } from '../job/job-spec.ts';
import type { Id, Verdict } from '../ports/operation.ts';

/** The job that a submit has led to: its own, or the first one under its key. */
export interface TakenJob {
  readonly id: Id;
  readonly state: JobState;
  readonly createdAt: number;
  /** End of the idempotency window; null while the job is live. */
  readonly expiresAt: number | null;
  readonly racing: boolean;
  readonly duplicate: boolean;
  readonly mismatch: boolean;
}

type TakingVerdict = Extract<Verdict, { readonly verdict: 'ok' | 'duplicate' }>;

/** What a store's verdict on a submit means for its sender. */
export function takenJob(
  job: { readonly id: Id; readonly spec: JobSpec; readonly createdAt: number },
  verdict: TakingVerdict,
): TakenJob {
  if (verdict.verdict === 'duplicate') {
    const { jobId, state, createdAt, expiresAt, racing, mismatch } = verdict;
    return { id: jobId, state, createdAt, expiresAt, racing, duplicate: true, mismatch };
  }
  const isLater = job.spec.notBefore !== null && job.spec.notBefore > job.createdAt;
  return {
    id: job.id,
    state: isLater ? 'scheduled' : 'pending',
    createdAt: job.createdAt,
    expiresAt: null,
    racing: isRacing(job.spec),
    duplicate: false,
    mismatch: false,
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
    ...(warnings.length > 0 && { warnings }),
  };
}
