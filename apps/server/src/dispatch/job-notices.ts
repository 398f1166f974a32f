import { legOf } from '@ezthrottle/engine';
import type { AdvanceOperation, DecidedMove } from '@ezthrottle/engine';
import type { JobNotice } from '../realtime/job-event.ts';

/** What watchers of a job are told about a decision, once it is on disk. Pure. */
export function jobNotices(
  { job, decision, reported }: DecidedMove,
  { end, putWork }: AdvanceOperation,
  at: number,
): readonly JobNotice[] {
  if (end !== null) return [{ jobId: job.id, at, type: end.state }];
  const again = putWork.find(({ leg }) => leg === reported?.leg);
  if (reported === null || again === undefined) return [];
  const { attempt, outcome, endedAt } = reported;
  const statusCode = outcome.kind === 'response' ? outcome.status : null;
  const reason = outcome.kind === 'response' ? `status ${outcome.status}` : outcome.kind;
  const leg = legOf(decision.run, again.leg);
  const retryAt = leg?.state === 'waiting' ? leg.readyAt : again.readyAt;
  return [{ jobId: job.id, at: endedAt, type: 'retrying', attempt, reason, statusCode, retryAt }];
}
