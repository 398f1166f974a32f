import {
  JOB_STATES,
  type JobState,
  type JobStatus,
  jobStatesOf,
  type Problem,
} from '@ezthrottle/core/protocol';
import { JOB_LIST_SCHEMA } from '@ezthrottle/core/protocol/schemas';
import type { JobListQuery } from '@ezthrottle/engine';
import { parseJobId } from './api-call.ts';
import { refuse } from './api-refusal.ts';
import { shapeProblems } from './check-shape.ts';

const DEFAULT_LIMIT = 50;
const PARAMETERS = ['status', 'state', 'tag', 'idempotent_key', 'cursor', 'limit'];
const STATUSES: readonly JobStatus[] = [
  'queued',
  'racing',
  'processing',
  'success',
  'failed',
  'cancelled',
];

export interface ListQuery extends Omit<JobListQuery, 'organization'> {
  readonly statuses: readonly JobStatus[] | null;
}

/** @throws {ApiRefusal} with all that is wrong. */
export function readListQuery(query: URLSearchParams): ListQuery {
  const text = (name: string): string | null => query.get(name);
  const words = (name: string): string[] | null => text(name)?.split(',') ?? null;
  const cursor = text('cursor');
  const before = cursor === null ? null : parseCursor(cursor);
  refuse(problemsOf(query, cursor !== null && before === null), 'the query');
  const statuses = words('status')?.filter((word) => isOneOf(word, STATUSES)) ?? null;
  const states = words('state')?.filter((word) => isOneOf(word, JOB_STATES)) ?? null;
  return {
    statuses,
    states: statesOf(states, statuses),
    tag: text('tag'),
    idempotentKey: text('idempotent_key'),
    before,
    limit: Number(text('limit') ?? DEFAULT_LIMIT),
  };
}

export function formatCursor({ createdAt, id }: NonNullable<JobListQuery['before']>): string {
  return btoa(`${createdAt}.${id}`).replaceAll('=', '');
}

function parseCursor(text: string): JobListQuery['before'] {
  try {
    const [, at, idText = ''] = /^(\d{1,16})\.(.+)$/.exec(atob(text)) ?? [];
    const id = parseJobId(idText);
    return at === undefined || id === null ? null : { createdAt: Number(at), id };
  } catch {
    return null;
  }
}

function problemsOf(query: URLSearchParams, hasWrongCursor: boolean): readonly Problem[] {
  const problems = new Map<string, Problem>();
  for (const [path, value] of query) {
    const isList = path === 'status' || path === 'state';
    for (const word of isList ? value.split(',') : [value]) {
      for (const problem of shapeProblems(JOB_LIST_SCHEMA, { [path]: word })) {
        problems.set(path, path === 'limit' ? { path, ...NO_LIMIT } : problem);
      }
    }
  }
  if (hasWrongCursor) problems.set('cursor', { path: 'cursor', ...NO_CURSOR });
  for (const path of query.keys()) {
    if (!PARAMETERS.includes(path)) problems.set(path, { path, ...NOT_HERE });
  }
  return [...problems.values()];
}

const NO_LIMIT = { message: 'is not a limit', expected: 'a whole number from 1 to 100' };
const NO_CURSOR = { message: 'is not a cursor', expected: 'the next_cursor of an earlier page' };
const NOT_HERE = {
  message: 'is not a parameter here',
  expected: `one of ${PARAMETERS.join(', ')}`,
};

function statesOf(
  states: readonly JobState[] | null,
  statuses: readonly JobStatus[] | null,
): readonly JobState[] | null {
  if (statuses === null) return states;
  const possible = new Set(statuses.flatMap(jobStatesOf));
  return [...possible].filter((state) => states === null || states.includes(state));
}

function isOneOf<Word extends string>(text: string, words: readonly Word[]): text is Word {
  return words.some((word) => word === text);
}
