import type { SubmitAnswer } from '../resources/submit-jobs.ts';
import type { LocalOutcome, SubmittedResult } from './step-result.ts';

/**
 * What a step gives that became a job.
 *
 * @param sentKey The key it was sent with, for servers that do not tell it.
 * @param local How a step ended here that was then handed on; null for any other.
 */
export function submittedResult(
  answer: SubmitAnswer,
  sentKey: string | null,
  local: LocalOutcome | null,
): SubmittedResult {
  return {
    kind: 'submitted',
    executed_locally: false,
    job_id: answer.job_id,
    status: answer.status,
    state: answer.state ?? null,
    idempotent_key: answer.idempotent_key ?? sentKey,
    queued_at: answer.queued_at ?? null,
    duplicate: answer.duplicate === true,
    mismatch: answer.mismatch === true,
    warnings: answer.warnings ?? [],
    status_code: null,
    response: null,
    local,
  };
}
