import { type BatchReply, ERROR_STATUS, LIMITS } from '@ezthrottle/core/protocol';
import type { Caller } from '../../tenancy/api-keys.ts';
import { ApiError, refuseProblems } from '../api-error.ts';
import { wireErrorOf } from '../error-replies.ts';
import type { Route } from '../route.ts';
import { readyJob, type SubmitOptions, takeJob } from './submit-job.ts';

type Item = BatchReply['results'][number];

/**
 * Takes several jobs at once. Each is answered as if it had come alone, in its place; the batch itself
 * with 200. All of them are written together, so that they share one flush of the disk.
 */
export function submitBatchRoute(options: SubmitOptions): Route {
  return {
    method: 'POST',
    path: '/jobs/batch',
    access: 'key',
    async handle(call, caller) {
      const jobs = jobsOf(call.body);
      // Asked once: a batch that finds no room is one refusal, not as many as it has jobs.
      const refusal = await options.admission.refusal();
      const results = await Promise.all(
        jobs.map((job) => itemOf(options, caller, job, refusal, call.requestId)),
      );
      const reply: BatchReply = { results };
      return { status: 200, body: reply };
    },
  };
}

async function itemOf(
  options: SubmitOptions,
  caller: Caller,
  body: unknown,
  refusal: ApiError | null,
  requestId: string,
): Promise<Item> {
  try {
    // Nothing is awaited before the job is handed over: that keeps the batch within one turn.
    const taken = await takeJob(options, readyJob(options, caller, body), refusal);
    return { status_code: taken.status, body: taken.body };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return {
      status_code: ERROR_STATUS[error.code],
      body: wireErrorOf(error, requestId, options.clock.now()).body,
    };
  }
}

function jobsOf(body: unknown): readonly unknown[] {
  const jobs: unknown = typeof body === 'object' && body !== null && 'jobs' in body && body.jobs;
  if (Array.isArray(jobs) && jobs.length > 0 && jobs.length <= LIMITS.batchJobs) return jobs;
  const message = Array.isArray(jobs) ? `has ${jobs.length} entries` : 'is not a list';
  const expected = `a list of 1 to ${LIMITS.batchJobs} jobs`;
  refuseProblems([{ path: 'jobs', message, expected }], 'the batch');
  return [];
}
