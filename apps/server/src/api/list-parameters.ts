import type { Problem } from '@ezthrottle/core/protocol';
import type { JsonSchema } from '@ezthrottle/core/protocol/schemas';
import { ApiError, refuseProblems } from './api-error.ts';
import type { Call } from './route.ts';
import { schemaCheck } from './schema-check.ts';

/** What every list is asked for besides its filters. */
export interface ListParameters<Request, Cursor> {
  readonly request: Request;
  /** Where it goes on; null: at the beginning. */
  readonly cursor: Cursor | null;
  readonly limit: number;
}

const DEFAULT_LIMIT = 50;

const EXPECTED: Readonly<Record<string, Omit<Problem, 'path'>>> = {
  limit: { message: 'is not a limit', expected: 'a whole number from 1 to 100' },
  cursor: { message: 'is not a cursor', expected: 'the next_cursor of an earlier page' },
};

/**
 * A reader of a list's query, which throws `validation_failed` with all that is wrong: parameters that are
 * not of this list, too.
 *
 * @param parseCursor Null for what is no cursor of this list.
 * @param expected What is right, where the schema's own words would not tell.
 */
export function listParameters<
  Request extends { readonly cursor?: string; readonly limit?: string },
  Cursor,
>(
  schema: JsonSchema,
  names: Readonly<Record<keyof Request & string, true>>,
  parseCursor: (text: string) => Cursor | null,
  expected: Readonly<Record<string, Omit<Problem, 'path'>>> = {},
): (query: Call['query']) => ListParameters<Request, Cursor> {
  const check = schemaCheck<Request>(schema);
  const words = { ...EXPECTED, ...expected };
  return (query) => {
    const shape = check(query);
    const problems = new Map<string, Problem>();
    for (const problem of shape.ok ? [] : shape.problems) {
      problems.set(problem.path, { ...problem, ...words[problem.path] });
    }
    const { cursor: text } = query;
    const cursor = typeof text === 'string' ? parseCursor(text) : null;
    if (text !== undefined && cursor === null) {
      problems.set('cursor', { path: 'cursor', message: '', expected: '', ...EXPECTED['cursor'] });
    }
    for (const path of Object.keys(query)) {
      if (Object.hasOwn(names, path)) continue;
      const all = `one of ${Object.keys(names).join(', ')}`;
      problems.set(path, { path, message: 'is not a parameter here', expected: all });
    }
    refuseProblems([...problems.values()], 'the query');
    if (!shape.ok) throw new ApiError('validation_failed', 'the query is not valid');
    const { limit } = shape.value;
    return {
      request: shape.value,
      cursor,
      limit: limit === undefined ? DEFAULT_LIMIT : Number(limit),
    };
  };
}
