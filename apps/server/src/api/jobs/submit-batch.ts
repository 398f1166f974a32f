import { type BatchReply, ERROR_STATUS, LIMITS } from '@ezthrottle/core/protocol';
import type { Admission } from '../../admission/admission.ts';
import { accountOf } from '../../admission/load-meter.ts';
import type { Caller } from '../../tenancy/api-keys.ts';
import { ApiError, refuseProblems } from '../api-error.ts';
import { wireErrorOf } from '../error-replies.ts';
import type { Call, Route } from '../route.ts';
import { type ReadyJob, readyJob, type SubmitOptions, takeJob } from './submit-job.ts';

type Item = BatchReply['results'][number];

/**
 * Takes several jobs at once. Each is answered as if it had come alone, in its place; the batch itself
 * with 200. All of them are written together, so that they share one flush of the disk.
 */
export function submitBatchRoute(options: SubmitOptions): Route {
  return {
    method: 'POST',
    path: '/jobs/batch',
    access: 'submit',
    async handle(call, caller) {
      const items = jobsOf(call.body).map((job) => readItem(options, caller, job));
      const refusals = await refusalsOf(options.admission, items);
      const results = await Promise.all(items.map((item) => itemOf(options, item, refusals, call)));
      const reply: BatchReply = { results };
      return { status: 200, body: reply };
    },
  };
}

function readItem(options: SubmitOptions, caller: Caller, body: unknown): ReadyJob | ApiError {
  try {
    return readyJob(options, caller, body);
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
}

/** Why there is no room, by account. Asked once for each: a batch is one refusal, not as many as it has jobs. */
async function refusalsOf(
  admission: Admission,
  items: readonly (ReadyJob | ApiError)[],
): Promise<ReadonlyMap<string, ApiError | null>> {
  const ready = items.filter((item): item is ReadyJob => 'job' in item);
  const everybody = await admission.refusal(ready.length);
  const byUser = new Map<string, ReadyJob[]>();
  for (const item of ready) {
    const own = byUser.get(item.job.spec.userId);
    if (own === undefined) byUser.set(item.job.spec.userId, [item]);
    else own.push(item);
  }
  const refusals = new Map<string, ApiError | null>();
  for (const [userId, own] of byUser) {
    const [first] = own;
    if (first === undefined) continue;
    refusals.set(userId, everybody ?? admission.refusalOf(accountOf(first.job), own.length));
  }
  return refusals;
}

async function itemOf(
  options: SubmitOptions,
  item: ReadyJob | ApiError,
  refusals: ReadonlyMap<string, ApiError | null>,
  call: Call,
): Promise<Item> {
  try {
    if (item instanceof ApiError) throw item;
    // Nothing is awaited before the job is handed over: that keeps the batch within one turn.
    const refusal = refusals.get(item.job.spec.userId) ?? null;
    const taken = await takeJob(options, item, refusal, { route: '/api/v1/jobs/batch', call });
    return { status_code: taken.status, body: taken.body };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return {
      status_code: ERROR_STATUS[error.code],
      body: wireErrorOf(error, call.requestId, options.clock.now()).body,
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
