import { CONTINUATION_METADATA_KEY } from '../protocol/delivery.ts';
import type { JobRequest } from '../protocol/job.ts';
import { LIMITS } from '../protocol/limits.ts';
import type { PlannedContinuation, SubmitPlan } from '../protocol/plan.ts';
import { ValidationError } from '../errors.ts';
import { jsonBytes } from './continuation-size.ts';
import type { ContinuationSealer } from './continuation-seal.ts';
import { requestKey } from './request-key.ts';

/**
 * The payload with its continuations inside, sealed. One that follows the job itself is bound to the
 * job's key, so a copy of it in another job is not run; a HASH job gets its key here then. Plans within a continuation stay as they are: they
 * are covered by its seal, and get their own when their turn comes, so that nothing is sealed twice.
 *
 * Throws `ConfigurationError` without a key and `ValidationError` when metadata becomes too large.
 */
export async function sealPlan(plan: SubmitPlan, sealer: ContinuationSealer): Promise<JobRequest> {
  const isFollowed = plan.continuations.some(({ at }) => at.length === 0);
  let job = plan.job;
  if (isFollowed && job.idempotent_key === undefined) {
    job = { ...job, idempotent_key: await requestKey(job) };
  }
  const { idempotent_key: key } = job;
  for (const { at, content } of plan.continuations) {
    // Keys of the jobs inside are made by the server.
    const bound = at.length === 0 && key !== undefined ? { ...content, key } : content;
    job = withContinuation(job, at, await sealer.seal(bound));
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
