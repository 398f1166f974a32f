import {
  checkLimitKey,
  type LimitKey,
  parseLimitKey,
  type Problem,
} from '@ezthrottle/core/protocol';
import { LIMIT_LIST_SCHEMA } from '@ezthrottle/core/protocol/schemas';
import {
  type Clock,
  DEFAULT_PERIOD_MS,
  entityTag,
  failedPrecondition,
  type Id,
  type LimitRecord,
  limitSettings,
  type LimitState,
  limitStateView,
  limitVersion,
  limitView,
  limitWarnings,
  mergeLimit,
} from '@ezthrottle/engine';
import { checkLimit } from '../limits/check-limit.ts';
import { type LimitBook, type LimitChange, limitKeyOf, limitSaid } from '../limits/limit-book.ts';
import type { MemoryStore } from '../store/memory-store.ts';
import type { ApiAnswer, ApiCall, ApiRoute } from './api-call.ts';
import { ApiRefusal, refuse } from './api-refusal.ts';
import { shapeProblems } from './check-shape.ts';

export interface LimitRouteParts {
  readonly store: MemoryStore;
  readonly organization: Id;
  readonly limits: LimitBook;
  readonly clock: Clock;
  /** Null: nothing is going on there. */
  readonly stateOf: (key: LimitKey) => LimitState | null;
}

const DEFAULT_LIMIT = 50;
const PARAMETERS: readonly string[] = ['prefix', 'cursor', 'limit'];
const ONE = /^\/limits\/([^/]+)\/?$/;

/** `/api/v1/limits`, with the statuses and bodies of the server. */
export function limitRoutes(parts: LimitRouteParts): readonly ApiRoute[] {
  const { limits } = parts;
  return [
    { method: 'GET', path: /^\/limits\/?$/, handle: (call) => list(parts, call) },
    {
      method: 'PUT',
      path: ONE,
      handle(call) {
        const { key, said } = checked(nameOf(call), call.body);
        const change = limits.change(key, (stored) => {
          hold(call, stored);
          return said;
        });
        return changed(parts, change, call);
      },
    },
    {
      method: 'PATCH',
      path: ONE,
      handle(call) {
        const key = keyOf(call);
        const change = limits.change(key, (stored) => {
          if (stored === null) throw noSuchLimit();
          hold(call, stored);
          return checked(key.key, mergeLimit(limitSaid(stored), call.body)).said;
        });
        return changed(parts, change, call);
      },
    },
    {
      method: 'GET',
      path: ONE,
      handle(call) {
        const stored = limits.get(keyOf(call).key);
        if (stored === null) throw noSuchLimit();
        return shown(parts, stored, 200);
      },
    },
    {
      method: 'DELETE',
      path: ONE,
      handle(call) {
        const key = keyOf(call);
        limits.change(key, (stored) => {
          if (stored === null) throw noSuchLimit();
          hold(call, stored);
          return null;
        });
        return { status: 200, body: { key: key.key, status: 'deleted' } };
      },
    },
  ];
}

/** @throws {ApiRefusal} with everything that is wrong. */
function checked(
  name: string,
  value: unknown,
): Extract<ReturnType<typeof checkLimit>, { ok: true }> {
  const limit = checkLimit(name, value);
  if (limit.ok) return limit;
  refuse(limit.problems, 'the limit');
  throw new ApiRefusal('validation_failed', 'the limit is not valid');
}

function changed(parts: LimitRouteParts, change: LimitChange, { body }: ApiCall): ApiAnswer {
  if (change.verdict === 'gone') throw noSuchLimit();
  if (change.verdict === 'full') {
    throw new ApiRefusal('conflict', 'there are as many limits already as there may be');
  }
  const {
    status,
    headers,
    body: view,
  } = shown(parts, change.record, change.verdict === 'created' ? 201 : 200);
  const warnings = limitWarnings(body);
  return { status, headers, body: warnings.length === 0 ? view : { ...view, warnings } };
}

function shown(
  parts: LimitRouteParts,
  record: LimitRecord,
  status: number,
): Required<Omit<ApiAnswer, 'body'>> & { readonly body: ReturnType<typeof viewOf> } {
  const headers = { ETag: entityTag(limitVersion(record)) };
  return { status, headers, body: viewOf(parts, record) };
}

function viewOf(
  { stateOf, clock }: LimitRouteParts,
  record: LimitRecord,
): ReturnType<typeof limitView> {
  const key = limitKeyOf(record);
  const said = limitSaid(record);
  const state = stateOf(key);
  const { pausedUntil } = limitSettings(key.kind, said);
  const periodMs = said.per_ms ?? DEFAULT_PERIOD_MS;
  const now = state === null ? null : limitStateView(state, periodMs, pausedUntil, clock);
  return limitView(key, record, said, now);
}

async function list(parts: LimitRouteParts, { query }: ApiCall): Promise<ApiAnswer> {
  const { store, organization } = parts;
  const { prefix, after, limit } = readQuery(query);
  const records = await store.limits.list({ organization, prefix, after, limit: limit + 1 });
  const page = records.slice(0, limit);
  const last = page.at(-1);
  const isMore = records.length > limit && last !== undefined;
  const limits = page.map((record) => viewOf(parts, record));
  return { status: 200, body: { limits, next_cursor: isMore ? cursorOf(last.key) : null } };
}

function readQuery(query: URLSearchParams): {
  readonly prefix: string;
  readonly after: string | null;
  readonly limit: number;
} {
  const problems = new Map<string, Problem>();
  const add = (path: string, message: string, expected: string): void => {
    problems.set(path, { path, message, expected });
  };
  for (const problem of shapeProblems(LIMIT_LIST_SCHEMA, Object.fromEntries(query))) {
    problems.set(problem.path, problem);
  }
  if (problems.has('limit')) add('limit', 'is not a limit', 'a whole number from 1 to 100');
  const cursor = query.get('cursor');
  const after = cursor === null ? null : keyIn(cursor);
  if (cursor !== null && after === null) {
    add('cursor', 'is not a cursor', 'the next_cursor of an earlier page');
  }
  for (const path of query.keys()) {
    if (PARAMETERS.includes(path)) continue;
    add(path, 'is not a parameter here', `one of ${PARAMETERS.join(', ')}`);
  }
  refuse([...problems.values()], 'the query');
  const limit = Number(query.get('limit') ?? DEFAULT_LIMIT);
  return { prefix: query.get('prefix') ?? '', after, limit };
}

/** Base64url, as the server has it. */
function cursorOf(key: string): string {
  const text = btoa(String.fromCharCode(...new TextEncoder().encode(key)));
  return text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

function keyIn(cursor: string): string | null {
  try {
    const text = atob(cursor.replaceAll('-', '+').replaceAll('_', '/'));
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
    const key = new TextDecoder().decode(bytes);
    return parseLimitKey(key) === null ? null : key;
  } catch {
    return null;
  }
}

/** @throws {ApiRefusal} unless what is stored is what the caller has seen. */
function hold({ header }: ApiCall, stored: LimitRecord | null): void {
  const asked = { ifMatch: header('If-Match'), ifNoneMatch: header('If-None-Match') };
  const failed = failedPrecondition(asked, stored === null ? null : limitVersion(stored));
  if (failed !== null) throw new ApiRefusal('precondition_failed', failed);
}

function nameOf({ params }: ApiCall): string {
  return params[0] ?? '';
}

function keyOf(call: ApiCall): LimitKey {
  const key = parseLimitKey(nameOf(call));
  if (key !== null) return key;
  refuse(checkLimitKey(nameOf(call)), 'the key');
  throw noSuchLimit();
}

function noSuchLimit(): ApiRefusal {
  return new ApiRefusal('not_found', 'there is no such limit');
}
