import { retryReason } from '@ezthrottle/engine';
import type { AdvanceOperation, DecidedMove } from '@ezthrottle/engine';
import type { JobNotice } from '../realtime/job-event.ts';

/** What watchers of a job are told about a decision, once it is on disk. Pure. */
export function jobNotices(
  { job, reported }: DecidedMove,
  { end, ended }: AdvanceOperation,
  at: number,
): readonly JobNotice[] {
  if (end !== null) return [{ jobId: job.id, at, type: end.state }];
  const retried = ended.find(({ attempt }) => attempt === reported?.attempt);
  if (retried?.retryAt === undefined) return [];
  const { attempt, statusCode, endedAt, retryAt } = retried;
  const reason = retryReason(retried);
  return [{ jobId: job.id, at: endedAt, type: 'retrying', attempt, reason, statusCode, retryAt }];
}
