import { CONFLICT_MESSAGES, type HeldKey, heldKeyVerdict, type JobSpec } from '@ezthrottle/engine';
import { ApiError } from '../api-error.ts';

/**
 * @param expiresAt End of the key's window, as a duplicate is told it.
 * @throws ApiError when a submit whose key is taken is not to be answered with the first job.
 */
export function refuseConflict(spec: JobSpec, held: HeldKey, expiresAt: number): void {
  const verdict = heldKeyVerdict(spec, held);
  if (verdict.verdict === 'return') return;
  // What might have been replaced has moved on each time that it was tried.
  const code = verdict.verdict === 'refuse' ? verdict.code : 'replace_too_late';
  throw new ApiError(code, CONFLICT_MESSAGES[code], {
    details: { job_id: verdict.jobId, idempotency_expires_at: expiresAt },
  });
}
