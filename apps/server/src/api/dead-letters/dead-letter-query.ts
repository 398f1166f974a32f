import {
  DEAD_DELIVERY_REASONS,
  DEAD_JOB_REASONS,
  type DeadLetterFilter,
} from '@ezthrottle/core/protocol';
import {
  DEAD_LETTER_LIST_SCHEMA,
  type DeadLetterListRequest,
} from '@ezthrottle/core/protocol/schemas';
import { refuseProblems } from '../api-error.ts';
import { type Cursor, parseCursor } from '../cursor.ts';
import { listParameters } from '../list-parameters.ts';
import type { Call } from '../route.ts';
import { filterProblems } from './filter-problems.ts';

export interface DeadLetterList {
  readonly filter: DeadLetterFilter;
  readonly cursor: Cursor | null;
  readonly limit: number;
}

const PARAMETERS: Readonly<Record<keyof DeadLetterListRequest, true>> = {
  reason: true,
  destination: true,
  user_id: true,
  tag: true,
  ended_from: true,
  ended_before: true,
  cursor: true,
  limit: true,
};

const MOMENT = { message: 'is not a moment', expected: 'milliseconds since the epoch' };

const readParameters = listParameters<DeadLetterListRequest, Cursor>(
  DEAD_LETTER_LIST_SCHEMA,
  PARAMETERS,
  parseCursor,
  { ended_from: MOMENT, ended_before: MOMENT },
);

const REASONS = { jobs: DEAD_JOB_REASONS, deliveries: DEAD_DELIVERY_REASONS } as const;

/** @throws ApiError `validation_failed` with all that is wrong, parameters that are unknown here too. */
export function readDeadLetterList(
  query: Call['query'],
  of: 'jobs' | 'deliveries',
): DeadLetterList {
  const { request, cursor, limit } = readParameters(query);
  const { reason, destination, user_id, tag, ended_from, ended_before } = request;
  const words = reason?.split(',') ?? [];
  const known = REASONS[of].filter((each) => words.includes(each));
  const filter: DeadLetterFilter = {
    ...(reason !== undefined && { reasons: known }),
    ...(destination !== undefined && { destination }),
    ...(user_id !== undefined && { user_id }),
    ...(tag !== undefined && { tag }),
    ...(ended_from !== undefined && { ended_from: Number(ended_from) }),
    ...(ended_before !== undefined && { ended_before: Number(ended_before) }),
  };
  const expected = `one or several of ${REASONS[of].join(',')}`;
  const areKnown = known.length === new Set(words).size;
  refuseProblems(
    [
      ...(areKnown ? [] : [{ path: 'reason', message: 'is not a reason here', expected }]),
      ...filterProblems(filter),
    ],
    'the query',
  );
  return { filter, cursor, limit };
}
