import { parseLimitKey } from '@ezthrottle/core/protocol';
import { LIMIT_LIST_SCHEMA, type LimitListRequest } from '@ezthrottle/core/protocol/schemas';
import { listParameters } from './list-parameters.ts';
import type { Call } from './route.ts';

/** What a list of limits is asked for. */
export interface LimitListQuery {
  /** Empty: all. */
  readonly prefix: string;
  /** Key behind which it goes on; null: from the first. */
  readonly after: string | null;
  readonly limit: number;
}

const PARAMETERS: Readonly<Record<keyof LimitListRequest, true>> = {
  prefix: true,
  cursor: true,
  limit: true,
};

const readParameters = listParameters<LimitListRequest, string>(
  LIMIT_LIST_SCHEMA,
  PARAMETERS,
  keyIn,
);

/** @throws ApiError `validation_failed` with all that is wrong, parameters that are unknown here too. */
export function readLimitList(query: Call['query']): LimitListQuery {
  const { request, cursor, limit } = readParameters(query);
  return { prefix: request.prefix ?? '', after: cursor, limit };
}

/** The key that a cursor stands for; null when it is none of ours. */
function keyIn(cursor: string): string | null {
  const key = Buffer.from(cursor, 'base64url').toString();
  return parseLimitKey(key) === null ? null : key;
}
