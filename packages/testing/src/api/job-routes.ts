import {
  accountLimit,
  type BatchReply,
  ERROR_STATUS,
  type JobPage,
  type JobRequest,
  LIMITS,
  parseLimitKey,
  type SubmitReply,
  type WarningView,
} from '@ezthrottle/core/protocol';
import { JOB_REQUEST_SCHEMA } from '@ezthrottle/core/protocol/schemas';
import {
  checkJob,
  checkLimitCosts,
  CONFLICT_MESSAGES,
  type HeldKey,
  heldKeyVerdict,
  type Id,
  idempotencyClaim,
  type JobSpec,
  type LimitSettings,
  mergeProblems,
  normaliseJob,
  readJobView,
  submitReply,
  summaryView,
  takenJob,
  toJobSpec,
  withAccountLimits,
} from '@ezthrottle/engine';
import { sha256 } from '../digest.ts';
import type { JobRunner } from '../run/job-runner.ts';
import type { MemoryStore } from '../store/memory-store.ts';
import { type ApiAnswer, type ApiCall, type ApiRoute, parseJobId } from './api-call.ts';
import { ApiRefusal, noSuchJob, refuse } from './api-refusal.ts';
import { shapeProblems } from './check-shape.ts';
import { formatCursor, readListQuery } from './list-query.ts';

export interface JobRouteParts {
  readonly store: MemoryStore;
  readonly jobs: JobRunner;
  readonly limits: ReadonlyMap<string, LimitSettings>;
  readonly organization: Id;
  readonly apiKeyId: Id;
  readonly newId: () => Id;
  readonly now: () => number;
  readonly idempotencyWindowMs: number;
}

/** `/api/v1/jobs`, with the statuses and bodies of the server. */
export function jobRoutes(parts: JobRouteParts): readonly ApiRoute[] {
  return [
    {
      method: 'POST',
      path: /^\/jobs\/?$/,
      handle: ({ body }) => submit(parts, body),
    },
    {
      method: 'POST',
      path: /^\/jobs\/batch\/?$/,
      handle: ({ body, requestId }) => submitAll(parts, body, requestId),
    },
    { method: 'GET', path: /^\/jobs\/?$/, handle: (call) => list(parts, call) },
    { method: 'GET', path: /^\/jobs\/([^/]+)\/?$/, handle: (call) => show(parts, call) },
    { method: 'DELETE', path: /^\/jobs\/([^/]+)\/?$/, handle: (call) => cancel(parts, call) },
  ];
}

function submit(
  parts: JobRouteParts,
  body: unknown,
): { readonly status: number; readonly body: SubmitReply } {
  const { spec: said, warnings } = readJob(body);
  refuseUnusable(said, parts.limits);
  const spec = withAccountLimits(said, (userId) => accountLimitOf(parts.limits, userId));
  const { organization, apiKeyId: apiKey, idempotencyWindowMs: windowMs } = parts;
  const idempotency = idempotencyClaim(spec, organization, { sha256, windowMs, apiKey });
  const createdAt = parts.now();
  const job = { id: parts.newId(), organization, apiKey, spec, idempotency, createdAt };
  const verdict = parts.jobs.submit(job);
  if (verdict.verdict !== 'ok' && verdict.verdict !== 'duplicate') {
    throw new ApiRefusal('validation_failed', 'the job cannot be stored');
  }
  const first = verdict.verdict === 'duplicate' ? parts.store.jobs.record(verdict.jobId) : null;
  const taken = takenJob(job, verdict, first);
  if (verdict.verdict === 'duplicate') refuseConflict(spec, verdict, taken.expiresAt);
  const reply = submitReply(taken, idempotency.key, warnings);
  return { status: taken.duplicate ? 200 : 201, body: reply };
}

/** @throws {ApiRefusal} when the job could never start for the limits that it names. */
function refuseUnusable(spec: JobSpec, limits: JobRouteParts['limits']): void {
  const problems = checkLimitCosts(spec, (name) =>
    parseLimitKey(name)?.kind === 'custom' ? (limits.get(name)?.pace ?? null) : null,
  );
  if (problems.length === 0) return;
  const message = 'the job names limits under which it cannot start';
  throw new ApiRefusal('limits_unusable', message, { problems });
}

function accountLimitOf(limits: JobRouteParts['limits'], userId: string): string | null {
  const key = accountLimit(userId);
  return limits.has(key) ? key : null;
}

/** @throws {ApiRefusal} when the first job is not to be the answer. */
function refuseConflict(spec: JobSpec, held: HeldKey, expiresAt: number): void {
  const verdict = heldKeyVerdict(spec, held);
  if (verdict.verdict !== 'refuse') return;
  const { code, jobId } = verdict;
  throw new ApiRefusal(code, CONFLICT_MESSAGES[code], {
    details: { job_id: jobId, idempotency_expires_at: expiresAt },
  });
}

function readJob(body: unknown): {
  readonly spec: JobSpec;
  readonly warnings: readonly WarningView[];
} {
  if (body === undefined) {
    throw new ApiRefusal('validation_failed', 'the request has no body: send a job as JSON');
  }
  const normalised = normaliseJob(body);
  refuse(normalised.problems, 'the job');
  const { value } = normalised;
  const rules = checkJob(value);
  refuse(mergeProblems(shapeProblems(JOB_REQUEST_SCHEMA, value), rules.problems), 'the job');
  if (!isJob(value)) throw new ApiRefusal('validation_failed', 'the job is not valid');
  return { spec: toJobSpec(value), warnings: [...normalised.warnings, ...rules.warnings] };
}

/** Narrows what has passed every check. */
function isJob(value: unknown): value is JobRequest {
  return shapeProblems(JOB_REQUEST_SCHEMA, value).length === 0;
}

function submitAll(parts: JobRouteParts, body: unknown, requestId: string): ApiAnswer {
  const reply: BatchReply = {
    results: jobsOf(body).map((job): BatchReply['results'][number] => {
      try {
        const { status, body: item } = submit(parts, job);
        return { status_code: status, body: item };
      } catch (error) {
        if (!(error instanceof ApiRefusal)) throw error;
        return { status_code: ERROR_STATUS[error.code], body: error.body(requestId) };
      }
    }),
  };
  return { status: 200, body: reply };
}

function jobsOf(body: unknown): readonly unknown[] {
  const jobs: unknown = typeof body === 'object' && body !== null && 'jobs' in body && body.jobs;
  if (Array.isArray(jobs) && jobs.length > 0 && jobs.length <= LIMITS.batchJobs) return jobs;
  const message = Array.isArray(jobs) ? `has ${jobs.length} entries` : 'is not a list';
  const expected = `a list of 1 to ${LIMITS.batchJobs} jobs`;
  refuse([{ path: 'jobs', message, expected }], 'the batch');
  return [];
}

async function list({ store, organization }: JobRouteParts, call: ApiCall): Promise<ApiAnswer> {
  const { statuses, limit, ...query } = readListQuery(call.query);
  const rows = await store.jobs.list({ organization, ...query, limit: limit + 1 });
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const views = shown.map(summaryView);
  const page: JobPage = {
    jobs: statuses === null ? views : views.filter(({ status }) => statuses.includes(status)),
    next_cursor: rows.length > limit && last !== undefined ? formatCursor(last) : null,
  };
  return { status: 200, body: page };
}

async function show({ store, organization }: JobRouteParts, call: ApiCall): Promise<ApiAnswer> {
  const job = await store.jobs.get(organization, idOf(call));
  if (job === null) throw noSuchJob();
  return { status: 200, body: await readJobView(job, store.jobs) };
}

async function cancel(parts: JobRouteParts, call: ApiCall): Promise<ApiAnswer> {
  const id = idOf(call);
  const job = await parts.store.jobs.get(parts.organization, id);
  if (job === null) throw noSuchJob();
  if (job.state !== 'cancelled' && !parts.jobs.cancel(id)) {
    throw new ApiRefusal('conflict', `the job has already ended: it is ${job.state}`, {
      details: { job_id: id, state: job.state },
    });
  }
  return { status: 200, body: { job_id: id, status: 'cancelled', state: 'cancelled' } };
}

function idOf({ params }: ApiCall): Id {
  const id = parseJobId(params[0] ?? '');
  if (id === null) throw noSuchJob();
  return id;
}
