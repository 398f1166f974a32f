import { CONTINUATION_METADATA_KEY } from '../protocol/delivery.ts';
import type { JobRequest } from '../protocol/job.ts';
import { LIMITS } from '../protocol/limits.ts';
import type { PlannedContinuation, SubmitPlan } from '../protocol/plan.ts';
import { ValidationError } from '../errors.ts';
import { jsonBytes } from './continuation-size.ts';
import type { ContinuationSealer } from './continuation-seal.ts';

/**
 * The payload with its continuations inside, sealed. Plans within a continuation stay as they are: they
 * are covered by its seal, and get their own when their turn comes, so that nothing is sealed twice.
 *
 * Throws `ConfigurationError` without a key and `ValidationError` when metadata becomes too large.
 */
export async function sealPlan(plan: SubmitPlan, sealer: ContinuationSealer): Promise<JobRequest> {
  let job = plan.job;
  for (const { at, content } of plan.continuations) {
    job = withContinuation(job, at, await sealer.seal(content));
  }
  return job;
}

function withContinuation(
  job: JobRequest,
  [key, ...rest]: PlannedContinuation['at'],
  sealed: string,
): JobRequest {
  if (key === undefined) {
    const metadata = { ...job.metadata, [CONTINUATION_METADATA_KEY]: sealed };
    checkSize(jsonBytes(metadata));
    return { ...job, metadata };
  }
  const inner = job[key];
  return inner === undefined ? job : { ...job, [key]: withContinuation(inner, rest, sealed) };
}

function checkSize(bytes: number): void {
  const limit = LIMITS.metadataBytes;
  if (bytes <= limit) return;
  const message = `is ${bytes} bytes long, counting the FRUGAL steps that follow the job`;
  const expected = `at most ${limit} bytes`;
  throw new ValidationError(`metadata ${message} (expected: ${expected})`, [
    { path: 'metadata', message, expected },
  ]);
}
