import { type JobPage, type JobState, jobStatesOf } from '@ezthrottle/core/protocol';
import { type JobReads, type JobSummary, summaryView } from '@ezthrottle/engine';
import { formatCursor } from '../cursor.ts';
import type { Route } from '../route.ts';
import { type ListQuery, readListQuery } from './list-query.ts';

/** The organization's jobs, newest first, page by page. */
export function listJobsRoute(jobs: Pick<JobReads, 'list'>): Route {
  return {
    method: 'GET',
    path: '/jobs',
    access: 'read',
    async handle(call, caller) {
      const query = readListQuery(call.query);
      const { tag, idempotentKey, before, limit } = query;
      const rows = await jobs.list({
        organization: caller.organization,
        states: statesOf(query),
        tag,
        idempotentKey,
        before,
        // One more than shown tells whether there is a next page.
        limit: limit + 1,
      });
      return { status: 200, body: pageOf(rows, query) };
    },
  };
}

function statesOf({ states, statuses }: ListQuery): readonly JobState[] | null {
  if (statuses === null) return states;
  const possible = new Set(statuses.flatMap(jobStatesOf));
  return [...possible].filter((state) => states === null || states.includes(state));
}

/**
 * Racing and queued jobs are in the same states, so a page that asks for one of them may show fewer
 * than its limit; its cursor goes on all the same.
 */
function pageOf(rows: readonly JobSummary[], { limit, statuses }: ListQuery): JobPage {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const views = shown.map(summaryView);
  return {
    jobs: statuses === null ? views : views.filter(({ status }) => statuses.includes(status)),
    next_cursor: rows.length > limit && last !== undefined ? formatCursor(last) : null,
  };
}
