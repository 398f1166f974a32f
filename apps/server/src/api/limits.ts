import {
  apiKeyLimit,
  checkLimitKey,
  type LimitKey,
  type LimitSettingsRequest,
  parseLimitKey,
  type WarningView,
} from '@ezthrottle/core/protocol';
import {
  type Clock,
  entityTag,
  type LimitRecord,
  limitVersion,
  limitWarnings,
  mergeLimit,
  type TenancyReads,
} from '@ezthrottle/engine';
import { checkLimit, checkLimitFields, decodeLimit } from '../limits/limit-data.ts';
import type { LimitStates } from '../limits/limit-state.ts';
import type { Caller } from '../tenancy/api-keys.ts';
import type { LimitChange, Limits } from '../limits/limits.ts';
import type { AuditLog } from '../audit/audit-log.ts';
import { actingOf } from './acting.ts';
import { ApiError, refuseProblems } from './api-error.ts';
import { readLimitList } from './limit-list-query.ts';
import { othersOf, viewOf } from './limit-views.ts';
import { requirePreconditions } from './preconditions.ts';
import type { Answer, Call, Route } from './route.ts';

export interface LimitRoutesOptions {
  readonly limits: Limits;
  readonly states: LimitStates;
  /** Whose weights may be said. */
  readonly apiKeys: Pick<TenancyReads, 'apiKey'>;
  readonly clock: Pick<Clock, 'now' | 'monotonic'>;
  readonly audit: AuditLog;
}

const PATH = '/limits';
const ONE = `${PATH}/:key`;
const OWN_API_KEY = apiKeyLimit('self');

/** Limits of the organization: put, changed, shown, listed and deleted while jobs run against them. */
export function limitRoutes(options: LimitRoutesOptions): readonly Route[] {
  const { limits } = options;
  const audited = (
    call: Call,
    caller: Caller,
    key: LimitKey,
    change: (stored: LimitRecord | null) => LimitSettingsRequest | null,
  ): Promise<LimitChange> => {
    const said: { before: LimitSettingsRequest | null; after: LimitSettingsRequest | null } = {
      before: null,
      after: null,
    };
    const by = options.audit.committing(actingOf(call, caller), () => ({
      action: said.after === null ? 'limit.delete' : 'limit.put',
      target: key.key,
      before: said.before === null ? null : { ...said.before },
      after: said.after === null ? null : { ...said.after },
    }));
    const noted = (stored: LimitRecord | null): LimitSettingsRequest | null => {
      said.before = stored === null ? null : decodeLimit(stored.data);
      said.after = change(stored);
      return said.after;
    };
    return limits.change(caller.organization, key, noted, by);
  };
  const answer = async (
    change: LimitChange,
    key: LimitKey,
    warnings: readonly WarningView[],
  ): Promise<Answer> => {
    const record = recordOf(change);
    const status = change.verdict === 'created' ? 201 : 200;
    return await shown(options, key, record, status, warnings);
  };
  return [
    {
      method: 'PUT',
      path: ONE,
      access: 'manage',
      async handle(call, caller) {
        const { key, settings } = readPut(call, caller);
        await requireOwnKey(options, key, caller);
        const change = await audited(call, caller, key, (stored) => {
          requirePreconditions(call, stored === null ? null : limitVersion(stored));
          return settings;
        });
        return answer(change, key, limitWarnings(call.body));
      },
    },
    {
      method: 'PATCH',
      path: ONE,
      access: 'manage',
      async handle(call, caller) {
        const key = keyOf(call, caller);
        const change = await audited(call, caller, key, (stored) => {
          if (stored === null) throw notFound();
          requirePreconditions(call, limitVersion(stored));
          return checked(key, mergeLimit(decodeLimit(stored.data), call.body));
        });
        return answer(change, key, limitWarnings(call.body));
      },
    },
    {
      method: 'GET',
      path: ONE,
      access: 'read',
      async handle(call, caller) {
        const key = keyOf(call, caller);
        const record = await limits.get(caller.organization, key);
        if (record === null) throw notFound();
        return shown(options, key, record, 200, []);
      },
    },
    {
      method: 'DELETE',
      path: ONE,
      access: 'manage',
      async handle(call, caller) {
        const key = keyOf(call, caller);
        await audited(call, caller, key, (stored) => {
          if (stored === null) throw notFound();
          requirePreconditions(call, limitVersion(stored));
          return null;
        });
        return { status: 200, body: { key: key.key, status: 'deleted' } };
      },
    },
    {
      method: 'GET',
      path: PATH,
      access: 'read',
      async handle(call, caller) {
        const { prefix, after, limit } = readLimitList(call.query);
        const { organization } = caller;
        // One more than shown tells whether there is a next page.
        const records = await limits.list({ organization, prefix, after, limit: limit + 1 });
        const page = records.slice(0, limit);
        const others = await othersOf(options, organization, page);
        const last = page.at(-1);
        const isMore = records.length > limit && last !== undefined;
        return {
          status: 200,
          body: {
            limits: page.flatMap((record) =>
              viewOf(options, parseLimitKey(record.key), record, others),
            ),
            next_cursor: isMore ? Buffer.from(last.key).toString('base64url') : null,
          },
        };
      },
    },
  ];
}

async function shown(
  options: LimitRoutesOptions,
  key: LimitKey,
  record: LimitRecord,
  status: number,
  warnings: readonly WarningView[],
): Promise<Answer> {
  const others = await othersOf(options, record.organization, [record]);
  const [view] = viewOf(options, key, record, others);
  const all = [...warnings, ...(view?.warnings ?? [])];
  return {
    status,
    headers: { ETag: entityTag(limitVersion(record)) },
    body: all.length === 0 ? view : { ...view, warnings: all },
  };
}

function readPut(
  call: Call,
  caller: Caller,
): { readonly key: LimitKey; readonly settings: LimitSettingsRequest } {
  const name = nameOf(call, caller);
  const key = parseLimitKey(name);
  // What the fields mean together depends on the key; a wrong one hides none of what each has wrong.
  if (key !== null) return { key, settings: checked(key, call.body) };
  const fields = checkLimitFields(call.body);
  const problems = [...checkLimitKey(name), ...(fields.ok ? [] : fields.problems)];
  refuseProblems(problems, 'the limit');
  throw new ApiError('validation_failed', 'the limit is not valid');
}

/** @throws ApiError `validation_failed` with everything that is wrong. */
function checked(key: LimitKey, value: unknown): LimitSettingsRequest {
  const fields = checkLimit(key.kind, value);
  refuseProblems(fields.ok ? [] : fields.problems, 'the limit');
  if (fields.ok) return fields.value;
  throw new ApiError('validation_failed', 'the limit is not valid');
}

/** @throws ApiError `not_found` for an API key that the organization does not have. */
async function requireOwnKey(
  { apiKeys }: LimitRoutesOptions,
  key: LimitKey,
  { organization }: Caller,
): Promise<void> {
  if (key.kind !== 'api_key' || (await apiKeys.apiKey(organization, key.apiKey)) !== null) return;
  throw new ApiError('not_found', 'there is no such API key');
}

function keyOf(call: Call, caller: Caller): LimitKey {
  const name = nameOf(call, caller);
  const key = parseLimitKey(name);
  if (key !== null) return key;
  refuseProblems(checkLimitKey(name), 'the key');
  throw notFound();
}

/** Who does not know the id of its API key says that it is its own. */
function nameOf({ params }: Call, { apiKey }: Caller): string {
  const name = params['key'] ?? '';
  return name === OWN_API_KEY ? apiKeyLimit(apiKey) : name;
}

/** @throws ApiError when nothing was put. */
function recordOf(change: LimitChange): LimitRecord {
  switch (change.verdict) {
    case 'full':
      throw new ApiError(
        'conflict',
        `there are ${change.most} limits already: delete one that is not needed any more`,
      );
    case 'gone':
      throw notFound();
    default:
      return change.record;
  }
}

function notFound(): ApiError {
  return new ApiError('not_found', 'there is no such limit');
}
