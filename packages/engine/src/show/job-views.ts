import {
  type AttemptView,
  type DeliveryView,
  jobStatus,
  type JobSummaryView,
  type JobView,
  type ResultView,
} from '@ezthrottle/core/protocol';
import { keyExpiresAt } from '../admit/key-conflict.ts';
import { withoutContinuation } from '../deliver/delivery-payload.ts';
import { isRacing, resultAttempts, resultView } from '../deliver/result-view.ts';
import type { AttemptRecord, DeliveryRecord, JobRecord, JobSummary } from '../ports/records.ts';
import type { JobReads } from '../ports/reads/job-reads.ts';
import { wasCalled } from './job-timeline.ts';

/** A row of a list. */
export function summaryView(job: JobSummary): JobSummaryView {
  return {
    job_id: job.id,
    status: jobStatus(job.state, job.racing),
    state: job.state,
    idempotent_key: job.idempotentKey,
    url: job.url,
    method: job.method,
    tags: job.tags,
    created_at: job.createdAt,
    ended_at: job.endedAt,
  };
}

/** A job's result, the same object as in its deliveries; null while it has not ended. */
export async function readResult(
  job: JobRecord,
  reads: Pick<JobReads, 'responses'>,
): Promise<ResultView | null> {
  if (job.end === null) return null;
  const attempts = resultAttempts(job.end);
  const responses = attempts.length === 0 ? [] : await reads.responses(job.id, attempts);
  return resultView(job, responses);
}

/** Everything about one job. Request headers and bodies stay inside: they may carry secrets. */
export async function readJobView(job: JobRecord, reads: JobReads): Promise<JobView> {
  const [attempts, deliveries, children, result] = await Promise.all([
    reads.attempts(job.id),
    reads.deliveries(job.id),
    reads.children(job.id),
    readResult(job, reads),
  ]);
  const [call] = job.spec.paths;
  return {
    job_id: job.id,
    status: jobStatus(job.state, isRacing(job.spec)),
    state: job.state,
    idempotent_key: job.idempotentKey,
    idempotency_expires_at: keyExpiresAt({
      spec: job.spec,
      createdAt: job.createdAt,
      endedAt: job.end?.at ?? null,
      windowMs: job.keyWindowMs,
    }),
    url: call.url,
    method: call.method,
    tags: job.spec.tags,
    metadata: withoutContinuation(job.spec.metadata),
    created_at: job.createdAt,
    started_at: job.startedAt,
    ended_at: job.end?.at ?? null,
    parent_job_id: job.parent?.id ?? null,
    ...(job.spec.redriveOf !== undefined && { redrive_of: job.spec.redriveOf }),
    children: children.map(({ id, edge }) => ({ job_id: id, edge })),
    attempts: attempts.filter(wasCalled).map(attemptView),
    deliveries: deliveries.map(deliveryView),
    quorum_reached_at: job.quorumReachedAt,
    result,
    ...(job.spec.erased === undefined ? {} : { erased: job.spec.erased }),
  };
}

function attemptView(attempt: AttemptRecord): AttemptView {
  return {
    attempt: attempt.attempt,
    path: attempt.path,
    region: attempt.region,
    url: attempt.url,
    outcome: attempt.outcome ?? 'armed',
    status_code: attempt.statusCode,
    error: attempt.error,
    started_at: attempt.startedAt,
    ended_at: attempt.endedAt,
  };
}

/** One delivery, without what it carries. */
export function deliveryView(delivery: DeliveryRecord): DeliveryView {
  return {
    delivery_id: delivery.id,
    url: delivery.url,
    state: delivery.state,
    has_quorum_vote: delivery.hasQuorumVote,
    attempts: delivery.attempts,
    status_code: delivery.statusCode,
    error: delivery.error,
    dead_reason: delivery.deadReason,
    next_attempt_at: delivery.nextAttemptAt,
  };
}
