import { createHash } from 'node:crypto';
import { jobStatus, type SubmitReply, type WarningView } from '@ezthrottle/core/protocol';
import {
  type Clock,
  type Id,
  idempotencyClaim,
  isRacing,
  type JobReads,
  type JobSpec,
  type Verdict,
} from '@ezthrottle/engine';
import type { AdmittedJob, JobGate } from '../../dispatch/job-gate.ts';
import type { Caller } from '../../tenancy/api-keys.ts';
import type { Admission } from '../admission.ts';
import { ApiError } from '../api-error.ts';
import type { Answer, Route } from '../route.ts';
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
      const { spec, warnings } = readJob(call.body);
      const job = admitted(options, caller, spec);
      const refusal = await options.admission.refusal();
      if (refusal !== null) {
        // A repeat of an accepted job is no new load: its client only wants to know.
        const known = await knownJob(options, job);
        if (known === null) throw refusal;
        return { status: 200, body: reply(job, known, warnings) };
      }
      const verdict = await options.gate.submit(job);
      if (verdict.verdict === 'ok') options.admission.accepted();
      return answerOf(job, verdict, warnings);
    },
  };
}

function admitted(options: SubmitOptions, caller: Caller, spec: JobSpec): AdmittedJob {
  return {
    id: options.newId(),
    organization: caller.organization,
    apiKey: caller.apiKey,
    spec,
    idempotency: idempotencyClaim(spec, caller.organization, {
      sha256: (bytes) => createHash('sha256').update(bytes).digest(),
      windowMs: options.idempotencyWindowMs,
    }),
    createdAt: options.clock.now(),
  };
}

type Known = Pick<SubmitReply, 'job_id' | 'state' | 'queued_at' | 'idempotency_expires_at'> & {
  readonly racing: boolean;
  readonly duplicate: boolean;
  readonly mismatch: boolean;
};

function answerOf(job: AdmittedJob, verdict: Verdict, warnings: readonly WarningView[]): Answer {
  switch (verdict.verdict) {
    case 'ok': {
      const isLater = job.spec.notBefore !== null && job.spec.notBefore > job.createdAt;
      const fresh: Known = {
        job_id: job.id,
        state: isLater ? 'scheduled' : 'pending',
        queued_at: job.createdAt,
        idempotency_expires_at: null,
        racing: isRacing(job.spec),
        duplicate: false,
        mismatch: false,
      };
      return { status: 201, body: reply(job, fresh, warnings) };
    }
    case 'duplicate': {
      const { jobId, state, createdAt, expiresAt, racing, mismatch } = verdict;
      if (mismatch && job.spec.strictIdempotency) throw mismatched(jobId);
      const known: Known = {
        job_id: jobId,
        state,
        queued_at: createdAt,
        idempotency_expires_at: expiresAt,
        racing,
        duplicate: true,
        mismatch,
      };
      return { status: 200, body: reply(job, known, warnings) };
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

function reply(job: AdmittedJob, known: Known, warnings: readonly WarningView[]): SubmitReply {
  return {
    job_id: known.job_id,
    status: jobStatus(known.state, known.racing),
    state: known.state,
    idempotent_key: job.idempotency.key,
    queued_at: known.queued_at,
    idempotency_expires_at: known.idempotency_expires_at,
    ...(known.duplicate && { duplicate: true }),
    ...(known.mismatch && { mismatch: true }),
    ...(warnings.length > 0 && { warnings }),
  };
}

/** The job that holds this one's key, looked up without a write. Its payload is not compared. */
async function knownJob(options: SubmitOptions, job: AdmittedJob): Promise<Known | null> {
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
  return {
    job_id: first.id,
    state: first.state,
    queued_at: first.createdAt,
    idempotency_expires_at: expiresAt,
    racing: first.racing,
    duplicate: true,
    mismatch: false,
  };
}
