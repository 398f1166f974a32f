import { CONFLICT_MESSAGES, type HeldKey, heldKeyVerdict, type JobSpec } from '@ezthrottle/engine';
import { ApiError } from '../api-error.ts';

/**
 * @param expiresAt End of the key's window, as a duplicate is told it.
 * @throws ApiError when a submit whose key is taken is not to be answered with the first job.
 */
export function refuseConflict(spec: JobSpec, held: HeldKey, expiresAt: number): void {
  const verdict = heldKeyVerdict(spec, held);
  if (verdict.verdict === 'return') return;
  if (verdict.verdict === 'replace') {
    // It may be replaced still, but at each try somebody else was quicker.
    const message = 'others replace the job of this idempotent_key at the same time';
    throw new ApiError('unavailable', message, { retryAfter: 1 });
  }
  throw new ApiError(verdict.code, CONFLICT_MESSAGES[verdict.code], {
    details: { job_id: verdict.jobId, idempotency_expires_at: expiresAt },
  });
}
