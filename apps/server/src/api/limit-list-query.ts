import { parseLimitKey, type Problem } from '@ezthrottle/core/protocol';
import { LIMIT_LIST_SCHEMA, type LimitListRequest } from '@ezthrottle/core/protocol/schemas';
import { ApiError, refuseProblems } from './api-error.ts';
import type { Call } from './route.ts';
import { schemaCheck } from './schema-check.ts';

/** What a list of limits is asked for. */
export interface LimitListQuery {
  /** Empty: all. */
  readonly prefix: string;
  /** Key behind which it goes on; null: from the first. */
  readonly after: string | null;
  readonly limit: number;
}

const DEFAULT_LIMIT = 50;

const PARAMETERS: Readonly<Record<keyof LimitListRequest, true>> = {
  prefix: true,
  cursor: true,
  limit: true,
};

const EXPECTED: Readonly<Record<string, Omit<Problem, 'path'>>> = {
  limit: { message: 'is not a limit', expected: 'a whole number from 1 to 100' },
  cursor: { message: 'is not a cursor', expected: 'the next_cursor of an earlier page' },
};

const checkShape = schemaCheck<LimitListRequest>(LIMIT_LIST_SCHEMA);

/** @throws ApiError `validation_failed` with all that is wrong, parameters that are unknown here too. */
export function readLimitList(query: Call['query']): LimitListQuery {
  const shape = checkShape(query);
  const problems = new Map<string, Problem>();
  for (const problem of shape.ok ? [] : shape.problems) {
    problems.set(problem.path, { ...problem, ...EXPECTED[problem.path] });
  }
  const { cursor } = query;
  const after = typeof cursor === 'string' ? keyIn(cursor) : null;
  if (cursor !== undefined && after === null) {
    problems.set('cursor', { path: 'cursor', message: '', expected: '', ...EXPECTED['cursor'] });
  }
  for (const path of Object.keys(query)) {
    if (Object.hasOwn(PARAMETERS, path)) continue;
    const expected = `one of ${Object.keys(PARAMETERS).join(', ')}`;
    problems.set(path, { path, message: 'is not a parameter here', expected });
  }
  refuseProblems([...problems.values()], 'the query');
  if (!shape.ok) throw new ApiError('validation_failed', 'the query is not valid');
  const { prefix = '', limit } = shape.value;
  return { prefix, after, limit: limit === undefined ? DEFAULT_LIMIT : Number(limit) };
}

/** The key that a cursor stands for; null when it is none of ours. */
function keyIn(cursor: string): string | null {
  const key = Buffer.from(cursor, 'base64url').toString();
  return parseLimitKey(key) === null ? null : key;
}
