import { jobStatesOf, type JobPage, type JobStatus, type Problem } from '@ezthrottle/core/protocol';
import { JOB_LIST_SCHEMA, type JobListRequest } from '@ezthrottle/core/protocol/schemas';
import type { JobListQuery, JobReads, JobSummary } from '@ezthrottle/engine';
import { ApiError, refuseProblems } from '../api-error.ts';
import { type Cursor, formatCursor, parseCursor } from '../cursor.ts';
import { summaryView } from '../job-views.ts';
import type { Call, Route } from '../route.ts';
import { schemaCheck } from '../schema-check.ts';

const DEFAULT_LIMIT = 50;

const PARAMETERS: Readonly<Record<keyof JobListRequest, true>> = {
  status: true,
  state: true,
  tag: true,
  idempotent_key: true,
  cursor: true,
  limit: true,
};

const checkShape = schemaCheck<JobListRequest>(JOB_LIST_SCHEMA);

/** The organization's jobs, newest first, page by page. */
export function listJobsRoute(jobs: Pick<JobReads, 'list'>): Route {
  return {
    method: 'GET',
    path: '/jobs',
    access: 'key',
    async handle(call, caller) {
      const { request, before } = readQuery(call);
      const limit = request.limit === undefined ? DEFAULT_LIMIT : Number(request.limit);
      const rows = await jobs.list({
        organization: caller.organization,
        states: statesOf(request),
        tag: request.tag ?? null,
        idempotentKey: request.idempotent_key ?? null,
        before,
        // One more than shown tells whether there is a next page.
        limit: limit + 1,
      });
      return { status: 200, body: pageOf(rows, limit, request.status) };
    },
  };
}

function readQuery(call: Call): {
  readonly request: JobListRequest;
  readonly before: Cursor | null;
} {
  const shape = checkShape({ ...call.query });
  const problems: Problem[] = shape.ok ? [] : shape.problems.map(inWords);
  for (const path of Object.keys(call.query)) {
    if (Object.hasOwn(PARAMETERS, path)) continue;
    const expected = `one of ${Object.keys(PARAMETERS).join(', ')}`;
    problems.push({ path, message: 'is not a parameter here', expected });
  }
  const cursor = call.query['cursor'];
  const before = typeof cursor === 'string' ? parseCursor(cursor) : null;
  if (typeof cursor === 'string' && before === null) {
    const expected = 'the next_cursor of an earlier page';
    problems.push({ path: 'cursor', message: 'is not a cursor', expected });
  }
  refuseProblems(problems, 'the query');
  if (!shape.ok) throw new ApiError('validation_failed', 'the query is not valid');
  return { request: shape.value, before };
}

/** The schema knows numbers in an address only as a pattern. */
function inWords(problem: Problem): Problem {
  return problem.path === 'limit'
    ? { ...problem, message: 'is not a limit', expected: 'a whole number from 1 to 100' }
    : problem;
}

function statesOf({ state, status }: JobListRequest): JobListQuery['states'] {
  if (status === undefined) return state === undefined ? null : [state];
  return jobStatesOf(status).filter((candidate) => state === undefined || candidate === state);
}

/**
 * Racing and queued jobs are in the same states, so a page that asks for one of them may show fewer
 * than its limit; its cursor goes on all the same.
 */
function pageOf(
  rows: readonly JobSummary[],
  limit: number,
  status: JobStatus | undefined,
): JobPage {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const views = shown.map(summaryView);
  return {
    jobs: status === undefined ? views : views.filter((view) => view.status === status),
    next_cursor: rows.length > limit && last !== undefined ? formatCursor(last) : null,
  };
}
