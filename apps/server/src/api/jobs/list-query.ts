import type { JobState, JobStatus, Problem } from '@ezthrottle/core/protocol';
import { JOB_LIST_SCHEMA, type JobListRequest } from '@ezthrottle/core/protocol/schemas';
import { ApiError, refuseProblems } from '../api-error.ts';
import { type Cursor, parseCursor } from '../cursor.ts';
import type { Call } from '../route.ts';
import { schemaCheck } from '../schema-check.ts';

/** What a list of jobs is asked for. Null: whatever it is. */
export interface ListQuery {
  readonly states: readonly JobState[] | null;
  readonly statuses: readonly JobStatus[] | null;
  readonly tag: string | null;
  readonly idempotentKey: string | null;
  readonly before: Cursor | null;
  readonly limit: number;
}

const DEFAULT_LIMIT = 50;
/** There are fewer states than this. */
const MAX_WORDS = 16;

const PARAMETERS: Readonly<Record<keyof JobListRequest, true>> = {
  status: true,
  state: true,
  tag: true,
  idempotent_key: true,
  cursor: true,
  limit: true,
};

const checkShape = schemaCheck<JobListRequest>(JOB_LIST_SCHEMA);

/** @throws ApiError `validation_failed` with all that is wrong, parameters that are unknown here too. */
export function readListQuery(query: Call['query']): ListQuery {
  const { state, status, ...others } = query;
  const [statusWords, stateWords] = [wordsOf(status), wordsOf(state)];
  const shapes = [
    checkShape(others),
    ...statusWords.map((word) => checkShape({ status: word })),
    ...stateWords.map((word) => checkShape({ state: word })),
  ];
  const cursor = typeof query['cursor'] === 'string' ? query['cursor'] : null;
  const before = cursor === null ? null : parseCursor(cursor);
  const problems = new Map<string, Problem>();
  for (const shape of shapes) {
    for (const problem of shape.ok ? [] : shape.problems)
      problems.set(problem.path, inWords(problem));
  }
  if (cursor !== null && before === null) problems.set('cursor', NO_CURSOR);
  for (const path of Object.keys(query)) {
    if (!Object.hasOwn(PARAMETERS, path)) problems.set(path, { path, ...NOT_HERE });
  }
  refuseProblems([...problems.values()], 'the query');

  const requests = shapes.map((shape) => {
    if (shape.ok) return shape.value;
    throw new ApiError('validation_failed', 'the query is not valid');
  });
  const [{ tag = null, idempotent_key: idempotentKey = null, limit } = {}] = requests;
  return {
    states: state === undefined ? null : requests.flatMap((request) => request.state ?? []),
    statuses: status === undefined ? null : requests.flatMap((request) => request.status ?? []),
    tag,
    idempotentKey,
    before,
    limit: limit === undefined ? DEFAULT_LIMIT : Number(limit),
  };
}

const NO_CURSOR: Problem = {
  path: 'cursor',
  message: 'is not a cursor',
  expected: 'the next_cursor of an earlier page',
};

const NOT_HERE = {
  message: 'is not a parameter here',
  expected: `one of ${Object.keys(PARAMETERS).join(', ')}`,
};

/** One word or several with commas; what is given twice is left for the check to refuse. */
function wordsOf(value: string | readonly string[] | undefined): readonly unknown[] {
  if (value === undefined) return [];
  return typeof value === 'string' ? value.split(',', MAX_WORDS) : [value];
}

/** The schema knows numbers in an address only as a pattern. */
function inWords(problem: Problem): Problem {
  return problem.path === 'limit'
    ? { ...problem, message: 'is not a limit', expected: 'a whole number from 1 to 100' }
    : problem;
}
