import { type BatchReply, ERROR_STATUS, LIMITS } from '@ezthrottle/core/protocol';
import type { Room } from '../../admission/admission.ts';
import { type Account, accountOf } from '../../admission/load-meter.ts';
import type { Caller } from '../../tenancy/api-keys.ts';
import { ApiError, refuseProblems } from '../api-error.ts';
import { wireErrorOf } from '../error-replies.ts';
import type { Call, Route } from '../route.ts';
import { latestReady, type ReadyJob, readyJob, type SubmitOptions, takeJob } from './submit-job.ts';

type Item = BatchReply['results'][number];

/**
 * Takes several jobs at once. Each is answered as if it had come alone after those before it, in its place; the
 * batch itself with 200. All of them are written together, so that they share one flush of the disk.
 */
export function submitBatchRoute(options: SubmitOptions): Route {
  return {
    method: 'POST',
    path: '/jobs/batch',
    access: 'submit',
    async handle(call, caller) {
      const jobs = jobsOf(call.body);
      const items = await latestReady(options, () =>
        jobs.map((job) => readItem(options, caller, job)),
      );
      const usable = items.filter(
        (item): item is ReadyJob => 'job' in item && item.unusable === null,
      );
      const room = await options.admission.room();
      // Those that are known are no new load. That costs a look at each: it is asked under pressure only.
      const fresh = room.hasFor(accountsOf(usable)) ? [] : await newOnes(options, usable);
      // Nothing is awaited from here until all are handed over, where they count: what has room keeps it.
      const refusals = refusalsOf(room, fresh);
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

type Refusals = ReadonlyMap<ReadyJob, ApiError>;

/** With room for some more, the first have it; repeats of one key share a place, or have none. */
function refusalsOf(room: Room, fresh: readonly (readonly ReadyJob[])[]): Refusals {
  const firsts = fresh.flatMap(([first]) => (first === undefined ? [] : [first]));
  const why = room.refusals(accountsOf(firsts));
  return new Map(
    fresh.flatMap((repeats, index) => {
      const refusal = why[index] ?? null;
      return refusal === null ? [] : repeats.map((item) => [item, refusal] as const);
    }),
  );
}

/** Those whose key is free, by their keys. */
async function newOnes(
  { jobs }: SubmitOptions,
  items: readonly ReadyJob[],
): Promise<readonly (readonly ReadyJob[])[]> {
  const holders = await Promise.all(
    items.map(({ job }) => jobs.holder(job.organization, job.idempotency, job.createdAt)),
  );
  const fresh = new Map<string, ReadyJob[]>();
  for (const [index, item] of items.entries()) {
    if (holders[index] !== null) continue;
    const { scope, key } = item.job.idempotency;
    const name = JSON.stringify([scope, key]);
    const repeats = fresh.get(name);
    if (repeats === undefined) fresh.set(name, [item]);
    else repeats.push(item);
  }
  return [...fresh.values()];
}

function accountsOf(items: readonly ReadyJob[]): readonly Account[] {
  return items.map(({ job }) => accountOf(job));
}

async function itemOf(
  options: SubmitOptions,
  item: ReadyJob | ApiError,
  refusals: Refusals,
  call: Call,
): Promise<Item> {
  try {
    if (item instanceof ApiError) throw item;
    // Nothing is awaited before the job is handed over: that keeps the batch within one turn.
    const refusal = refusals.get(item) ?? null;
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
