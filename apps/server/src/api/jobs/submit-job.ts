import type { SubmitReply, WarningView } from '@ezthrottle/core/protocol';
import {
  type Clock,
  type Id,
  idempotencyClaim,
  type JobReads,
  type JobSpec,
  submitReply,
  type TakenJob,
  takenJob,
  type Verdict,
} from '@ezthrottle/engine';
import type { AdmittedJob, JobGate } from '../../dispatch/job-gate.ts';
import { sha256 } from '../../dispatch/sha256.ts';
import type { Caller } from '../../tenancy/api-keys.ts';
import type { Admission } from '../admission.ts';
import { ApiError } from '../api-error.ts';
import type { Route } from '../route.ts';
import { readJob } from './read-job.ts';

export interface SubmitOptions {
  readonly gate: Pick<JobGate, 'submit'>;
  readonly jobs: Pick<JobReads, 'list'>;
  readonly admission: Admission;
  readonly clock: Clock;
  readonly newId: () => Id;
  readonly idempotencyWindowMs: number;
}

/** Takes a job. It is answered once it is on disk: 201 for a new one, 200 for one that is known. */
export function submitJobRoute(options: SubmitOptions): Route {
  return {
    method: 'POST',
    path: '/jobs',
    access: 'key',
    async handle(call, caller) {
      const ready = readyJob(options, caller, call.body);
      return await takeJob(options, ready, await options.admission.refusal());
    },
  };
}

/** A job that may be handed over, and what its client is warned of. */
export interface ReadyJob {
  readonly job: AdmittedJob;
  readonly warnings: readonly WarningView[];
}

export interface SubmitAnswer {
  readonly status: 200 | 201;
  readonly body: SubmitReply;
}

/** @throws ApiError `validation_failed` with all that is wrong. */
export function readyJob(options: SubmitOptions, caller: Caller, body: unknown): ReadyJob {
  const { spec, warnings } = readJob(body);
  return { job: admitted(options, caller, spec), warnings };
}

/**
 * Takes a job, unless there is no room. Whoever takes several in one turn has them written at once.
 *
 * @param refusal Why there is no room for new jobs; null: there is.
 */
export async function takeJob(
  options: SubmitOptions,
  { job, warnings }: ReadyJob,
  refusal: ApiError | null,
): Promise<SubmitAnswer> {
  if (refusal !== null) {
    // A repeat of an accepted job is no new load: its client only wants to know.
    const known = await knownJob(options, job);
    if (known === null) throw refusal;
    return { status: 200, body: submitReply(known, job.idempotency.key, warnings) };
  }
  const verdict = await options.gate.submit(job);
  if (verdict.verdict === 'ok') options.admission.accepted();
  return answerOf(job, verdict, warnings);
}

function admitted(options: SubmitOptions, caller: Caller, spec: JobSpec): AdmittedJob {
  return {
    id: options.newId(),
    organization: caller.organization,
    apiKey: caller.apiKey,
    spec,
    idempotency: idempotencyClaim(spec, caller.organization, {
      sha256,
      windowMs: options.idempotencyWindowMs,
    }),
    createdAt: options.clock.now(),
  };
}

function answerOf(
  job: AdmittedJob,
  verdict: Verdict,
  warnings: readonly WarningView[],
): SubmitAnswer {
  switch (verdict.verdict) {
    case 'ok':
    case 'duplicate': {
      const taken = takenJob(job, verdict);
      if (taken.mismatch && job.spec.strictIdempotency) throw mismatched(taken.id);
      const body = submitReply(taken, job.idempotency.key, warnings);
      return { status: taken.duplicate ? 200 : 201, body };
    }
    case 'rejected':
      throw new ApiError('validation_failed', 'the job cannot be stored');
    case 'stale':
    case 'gone':
      throw new Error(`a submit was answered ${verdict.verdict}`);
  }
}

function mismatched(jobId: Id): ApiError {
  return new ApiError(
    'idempotency_mismatch',
    'the idempotent_key belongs to a job with another method, URL or body',
    { details: { job_id: jobId } },
  );
}

/** The job that holds this one's key, looked up without a write. Its payload is not compared. */
async function knownJob(options: SubmitOptions, job: AdmittedJob): Promise<TakenJob | null> {
  const [first] = await options.jobs.list({
    organization: job.organization,
    states: null,
    tag: null,
    idempotentKey: job.idempotency.key,
    before: null,
    limit: 1,
  });
  if (first === undefined) return null;
  const expiresAt = first.endedAt === null ? null : first.endedAt + job.idempotency.windowMs;
  if (expiresAt !== null && expiresAt <= job.createdAt) return null;
  const { id, state, createdAt, racing } = first;
  return { id, state, createdAt, expiresAt, racing, duplicate: true, mismatch: false };
}
