import type { FinishedJobReply, SubmitReply } from '@ezthrottle/core/protocol';
import { type JobReads, readJobView } from '@ezthrottle/engine';
import type { Caller } from '../../tenancy/api-keys.ts';
import { ApiError } from '../api-error.ts';
import type { Answer, Call } from '../route.ts';
import type { EndWaits } from './end-waits.ts';

export interface WaitingOptions {
  readonly jobs: JobReads;
  readonly endWaits: EndWaits;
}

/** A result is read: a key that may only submit does not get at it by submitting a known job again. */
export function requireRead({ scopes }: Caller): void {
  if (scopes.includes('read')) return;
  throw new ApiError('forbidden', 'to wait for the result the API key needs the scope read');
}

/**
 * The answer to a submit whose client would wait: 200 with the job as it ended, else 202 with the answer that
 * the submit has had. A client that comes back with the same key waits for the same job.
 */
export async function finished(
  { jobs, endWaits }: WaitingOptions,
  call: Pick<Call, 'onGone'>,
  { caller, taken }: { readonly caller: Caller; readonly taken: SubmitReply },
  waitSeconds: number,
): Promise<Answer> {
  const waiting = endWaits.begin({
    caller,
    jobId: taken.job_id,
    forMs: waitSeconds * 1_000,
    onGone: call.onGone,
  });
  // As long as too many wait, nobody more does: the job is taken all the same.
  if (waiting === null) return { status: 202, body: taken };
  const headers = { 'Preference-Applied': `wait=${waitSeconds}` };
  const ended = await waiting;
  if (ended === null) return { status: 202, headers, body: taken };
  const body: FinishedJobReply = { ...taken, ...(await readJobView(ended, jobs)) };
  return { status: 200, headers, body };
}
