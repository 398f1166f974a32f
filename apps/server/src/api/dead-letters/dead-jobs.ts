import {
  type DeadJobDetail,
  type DeadJobPage,
  type DeadJobView,
  jobStatus,
  type ReplayJobReply,
  type ReplayJobRequest,
} from '@ezthrottle/core/protocol';
import { REPLAY_JOB_SCHEMA } from '@ezthrottle/core/protocol/schemas';
import {
  type DeadJob,
  deadJobReason,
  type DeadLetterReads,
  type Id,
  isRacing,
  isWantedJob,
  type JobReads,
  readJobView,
} from '@ezthrottle/engine';
import type { Admission } from '../../admission/admission.ts';
import type { AuditLog } from '../../audit/audit-log.ts';
import type { JobReplayed, JobReplays } from '../../dead-letters/job-replays.ts';
import { actingWithReason } from '../acting.ts';
import { ApiError } from '../api-error.ts';
import { jobIdOf, jobNotFound } from '../job-id.ts';
import type { Answer, Route } from '../route.ts';
import { deadLetterPage } from './dead-letter-page.ts';
import { readDeadLetterList } from './dead-letter-query.ts';
import { bodyReader, editProblems } from './job-edit.ts';

export interface DeadJobRoutesOptions {
  readonly deadLetters: DeadLetterReads;
  readonly jobs: JobReads;
  readonly jobReplays: JobReplays;
  readonly admission: Pick<Admission, 'refusal' | 'accepted'>;
  readonly audit: AuditLog;
  readonly newId: () => Id;
}

const PATH = '/dead-letters/jobs';
const ONE = `${PATH}/:id`;

const readReplay = bodyReader<ReplayJobRequest>(REPLAY_JOB_SCHEMA, ({ edit }) =>
  editProblems(edit),
);

/** Jobs that failed: found, looked at, and sent again as new ones. */
export function deadJobRoutes(options: DeadJobRoutesOptions): readonly Route[] {
  const { deadLetters, jobs, jobReplays, admission, audit } = options;
  return [
    {
      method: 'GET',
      path: PATH,
      access: 'read',
      async handle(call, { organization }) {
        const { found, next_cursor } = await deadLetterPage(
          {
            read: (query) => deadLetters.jobs(query),
            isWanted: isWantedJob,
            placeOf: ({ id, endedAt }) => ({ at: endedAt, id }),
          },
          organization,
          readDeadLetterList(call.query, 'jobs'),
        );
        const body: DeadJobPage = {
          jobs: await Promise.all(found.map((dead) => viewOf(dead, jobReplays))),
          next_cursor,
        };
        return { status: 200, body };
      },
    },
    {
      method: 'GET',
      path: ONE,
      access: 'read',
      async handle(call, { organization }) {
        const id = jobIdOf(call);
        const [dead, job] = [
          await deadLetters.job(organization, id),
          await jobs.get(organization, id),
        ];
        if (dead === null || job === null) throw jobNotFound();
        const { reason, error, user_id, redriven_as } = await viewOf(dead, jobReplays);
        const view = await readJobView(job, jobs);
        const body: DeadJobDetail = { ...view, reason, error, user_id, redriven_as };
        return { status: 200, body };
      },
    },
    {
      method: 'POST',
      path: `${ONE}/replay`,
      access: 'manage',
      async handle(call, caller) {
        const id = jobIdOf(call);
        const { reason, edit = {}, again = false } = readReplay(call.body);
        const acting = actingWithReason(call, caller, reason);
        const refusal = await admission.refusal(1);
        if (refusal !== null) throw refusal;
        const replayed = await jobReplays.replay(caller.organization, id, {
          edit,
          again: again ? (call.header('Idempotency-Key') ?? options.newId()) : null,
          redrive: null,
          entry: (job) =>
            audit.entry(acting, {
              action: 'job.replay',
              target: id,
              // Values may be secrets: only what is edited is told.
              after: { job_id: job.id, edited: Object.keys(edit) },
            }),
        });
        if (replayed.verdict === 'sent') admission.accepted();
        return answerOf(id, replayed);
      },
    },
  ];
}

async function viewOf(dead: DeadJob, replays: JobReplays): Promise<DeadJobView> {
  const newTry = await replays.newTryOf(dead);
  return {
    job_id: dead.id,
    status: jobStatus(dead.state, dead.racing),
    state: dead.state,
    reason: deadJobReason(dead.error),
    error: dead.error,
    idempotent_key: dead.idempotentKey,
    url: dead.url,
    method: dead.method,
    user_id: dead.userId === '' ? null : dead.userId,
    tags: dead.tags,
    created_at: dead.createdAt,
    ended_at: dead.endedAt,
    redrive_of: dead.redriveOf,
    redriven_as: newTry === null ? null : { job_id: newTry.jobId, state: newTry.state },
  };
}

function answerOf(id: Id, replayed: JobReplayed): Answer {
  switch (replayed.verdict) {
    case 'sent': {
      const { job, state } = replayed;
      const status = jobStatus(state, isRacing(job.spec));
      const body: ReplayJobReply = { job_id: job.id, redrive_of: id, status, state };
      return { status: 201, body };
    }
    case 'already': {
      const { jobId, state, racing, mismatch } = replayed;
      const body: ReplayJobReply = {
        job_id: jobId,
        redrive_of: id,
        status: jobStatus(state, racing),
        state,
        duplicate: true,
        ...(mismatch && { mismatch: true }),
      };
      return { status: 200, body };
    }
    case 'unknown':
      throw jobNotFound();
    case 'not_dead':
      throw new ApiError('conflict', `the job is not dead: it is ${replayed.state}`, {
        details: { job_id: id, state: replayed.state },
      });
    case 'erased':
      throw new ApiError(
        'conflict',
        'what the job sent is not kept any more, by the retention or redaction that is set: submit a new one',
        { details: { job_id: id } },
      );
    case 'being_deleted':
      throw new ApiError('conflict', 'the data of its account is being deleted, it included', {
        details: { job_id: id },
      });
    case 'too_late':
      throw new ApiError(
        'conflict',
        'the job may not start any more: edit its execute_before, 0 takes it away',
        { details: { job_id: id, execute_before: replayed.executeBefore } },
      );
    case 'rejected':
      throw new ApiError('validation_failed', 'the job cannot be stored');
    case 'unusable': {
      const { what, problems } = replayed;
      const message = `the job names ${what} with which it cannot start`;
      throw new ApiError(`${what}_unusable`, message, { problems });
    }
  }
}
