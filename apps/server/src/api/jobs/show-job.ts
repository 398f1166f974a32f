import { type JobReads, readJobView } from '@ezthrottle/engine';
import { jobIdOf, jobNotFound } from '../job-id.ts';
import type { Route } from '../route.ts';

/** One job with its attempts, deliveries, children and result. */
export function showJobRoute(jobs: JobReads): Route {
  return {
    method: 'GET',
    path: '/jobs/:id',
    access: 'read',
    async handle(call, caller) {
      const job = await jobs.get(caller.organization, jobIdOf(call));
      if (job === null) throw jobNotFound();
      return { status: 200, body: await readJobView(job, jobs) };
    },
  };
}
