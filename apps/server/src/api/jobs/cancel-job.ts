import type { Id, JobReads } from '@ezthrottle/engine';
import type { JobGate } from '../../dispatch/job-gate.ts';
import { ApiError } from '../api-error.ts';
import { jobIdOf, jobNotFound } from '../job-id.ts';
import type { Answer, Route } from '../route.ts';

/** Stops a job that has not ended; of one that is cancelled already, says so. */
export function cancelJobRoute(gate: Pick<JobGate, 'cancel'>, jobs: Pick<JobReads, 'get'>): Route {
  return {
    method: 'DELETE',
    path: '/jobs/:id',
    access: 'submit',
    async handle(call, caller) {
      const id = jobIdOf(call);
      const verdict = await gate.cancel(caller.organization, id);
      switch (verdict) {
        case 'cancelled':
          return cancelled(id);
        case 'unknown':
          throw jobNotFound();
        case 'already_ended': {
          const job = await jobs.get(caller.organization, id);
          if (job === null) throw jobNotFound();
          // Asked again by a client that has missed the first answer.
          if (job.state === 'cancelled') return cancelled(id);
          throw new ApiError('conflict', `the job has already ended: it is ${job.state}`, {
            details: { job_id: id, state: job.state },
          });
        }
      }
    },
  };
}

function cancelled(id: Id): Answer {
  return { status: 200, body: { job_id: id, status: 'cancelled', state: 'cancelled' } };
}
