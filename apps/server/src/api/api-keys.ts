import {
  API_KEY_BOUNDS,
  type ApiKeyList,
  type ApiKeyRequest,
  type ApiKeyScope,
  type ApiKeyView,
  type NewApiKeyView,
  type Problem,
  type RotateApiKeyRequest,
} from '@ezthrottle/core/protocol';
import { API_KEY_SCHEMA, ROTATE_API_KEY_SCHEMA } from '@ezthrottle/core/protocol/schemas';
import type { ApiKeyRecord, Clock } from '@ezthrottle/engine';
import type { AuditLog } from '../audit/audit-log.ts';
import { type Caller, earlierEnd } from '../tenancy/api-keys.ts';
import type { Commit } from '../tenancy/committing.ts';
import type { KeyChange, KeyRing } from '../tenancy/key-ring.ts';
import { actingOf } from './acting.ts';
import { ApiError, refuseProblems } from './api-error.ts';
import type { Answer, Call, Route } from './route.ts';
import { fullCheck } from './schema-check.ts';

const PATH = '/api-keys';
const ONE = `${PATH}/:id`;

export interface ApiKeyRoutesOptions {
  readonly keyRing: KeyRing;
  readonly clock: Pick<Clock, 'now'>;
  readonly audit: AuditLog;
}

/** The organization's API keys. A key is shown once, in the answer to the call that made it. */
export function apiKeyRoutes({ keyRing, clock, audit }: ApiKeyRoutesOptions): readonly Route[] {
  const { readKey, readRotation } = readers(clock);
  return [
    {
      method: 'POST',
      path: PATH,
      access: 'manage',
      async handle(call, caller) {
        const { name, scopes, expires_at } = readKey(call);
        const wanted = [...new Set(scopes ?? caller.scopes)];
        refuseMore(caller, wanted);
        refuseLonger(caller, expires_at);
        const expiresAt = expires_at ?? caller.expiresAt;
        const acting = actingOf(call, caller);
        const byFor = (target: string): Commit =>
          audit.committing(acting, {
            action: 'api_key.create',
            target,
            after: { name, scopes: [...wanted], expires_at: expiresAt },
          });
        const key = { name, scopes: wanted, expiresAt };
        const made = await keyRing.create(caller.organization, key, byFor);
        return shownOnce(made);
      },
    },
    {
      method: 'GET',
      path: PATH,
      access: 'manage',
      async handle(_call, { organization }) {
        const body: ApiKeyList = { api_keys: (await keyRing.list(organization)).map(viewOf) };
        return { status: 200, body };
      },
    },
    {
      method: 'GET',
      path: ONE,
      access: 'manage',
      async handle(call, { organization }) {
        return shown(await keyRing.get(organization, idOf(call)));
      },
    },
    {
      method: 'POST',
      path: `${ONE}/rotate`,
      access: 'manage',
      async handle(call, caller) {
        const { overlap_ms = API_KEY_BOUNDS.defaultOverlapMs, expires_at } = readRotation(call);
        const known = await keyRing.get(caller.organization, idOf(call));
        if (known === null) throw unknownKey();
        refuseMore(caller, known.scopes);
        refuseLonger(caller, expires_at);
        const end = expires_at ?? earlierEnd(known.expiresAt, caller.expiresAt) ?? undefined;
        const how = { overlapMs: overlap_ms, expiresAt: end };
        const act = { action: 'api_key.rotate', target: known.id, after: { overlap_ms } } as const;
        const by = audit.committing(actingOf(call, caller), act);
        return shownOnce(await keyRing.rotate(caller.organization, known.id, how, by));
      },
    },
    {
      method: 'DELETE',
      path: ONE,
      access: 'manage',
      async handle(call, caller) {
        const act = { action: 'api_key.revoke', target: idOf(call) } as const;
        const by = audit.committing(actingOf(call, caller), act);
        return shown(await keyRing.revoke(caller.organization, idOf(call), by));
      },
    },
  ];
}

function readers(clock: Pick<Clock, 'now'>): {
  readonly readKey: (call: Call) => ApiKeyRequest;
  readonly readRotation: (call: Call) => RotateApiKeyRequest;
} {
  const checkKey = fullCheck<ApiKeyRequest>(API_KEY_SCHEMA, (key) => [
    ...blankName(key),
    ...pastEnd(key, clock.now()),
  ]);
  const checkRotation = fullCheck<RotateApiKeyRequest>(ROTATE_API_KEY_SCHEMA, (rotation) =>
    pastEnd(rotation, clock.now()),
  );
  return {
    readKey({ body }) {
      const checked = checkKey(body);
      return checked.ok ? checked.value : refused(checked.problems);
    },
    readRotation({ body }) {
      const checked = checkRotation(body ?? {});
      return checked.ok ? checked.value : refused(checked.problems);
    },
  };
}

function refused(problems: readonly Problem[]): never {
  refuseProblems(problems, 'the key');
  throw new ApiError('validation_failed', 'the key is not valid');
}

function blankName({ name }: Partial<ApiKeyRequest>): readonly Problem[] {
  if (name === undefined) return [];
  if (name.trim() !== '' && !/\p{Cc}|\p{Cs}/u.test(name)) return [];
  return [{ path: 'name', message: 'is not a name', expected: 'text without control characters' }];
}

function pastEnd(
  { expires_at }: { readonly expires_at?: number },
  now: number,
): readonly Problem[] {
  if (expires_at === undefined || expires_at > now) return [];
  return [
    {
      path: 'expires_at',
      message: 'has passed',
      expected: 'a moment to come, in milliseconds since the epoch',
    },
  ];
}

/** Nobody gets by a key that he makes what his own does not allow. */
function refuseMore(caller: Caller, wanted: readonly ApiKeyScope[]): void {
  const lacking = wanted.filter((scope) => !caller.scopes.includes(scope));
  if (lacking.length === 0) return;
  const named = lacking.join(', ');
  throw new ApiError('forbidden', `the API key that asks does not have the scope ${named} itself`);
}

/** Nor for longer than his own. */
function refuseLonger({ expiresAt }: Caller, wanted: number | undefined): void {
  if (expiresAt === null || wanted === undefined || wanted <= expiresAt) return;
  const message = 'is later than the end of the API key that asks';
  refuseProblems([{ path: 'expires_at', message, expected: `${expiresAt} or earlier` }], 'the key');
}

function shownOnce(change: KeyChange): Answer {
  switch (change.verdict) {
    case 'ok': {
      const { record, apiKey } = change.made;
      const body: NewApiKeyView = { ...viewOf(record), api_key: apiKey };
      return { status: 201, body };
    }
    case 'full':
      throw new ApiError(
        'conflict',
        `there are ${API_KEY_BOUNDS.perOrganization} keys already: revoke one that is not needed`,
      );
    case 'gone':
      throw unknownKey();
    case 'ended':
      throw new ApiError('conflict', 'the key has expired or was revoked: make a new one');
    case 'raced':
      throw new ApiError(
        'conflict',
        'the key was changed at this moment: look at it, then try again',
      );
  }
}

function shown(record: ApiKeyRecord | null): Answer {
  if (record === null) throw unknownKey();
  return { status: 200, body: viewOf(record) };
}

function unknownKey(): ApiError {
  return new ApiError('not_found', 'there is no API key of this id');
}

function idOf({ params }: Call): string {
  return (params['id'] ?? '').toLowerCase();
}

/** Field by field, so that nothing that is added to the record is shown by itself. */
function viewOf(record: ApiKeyRecord): ApiKeyView {
  return {
    id: record.id,
    name: record.name,
    scopes: record.scopes,
    hint: record.hint,
    created_at: record.createdAt,
    expires_at: record.expiresAt,
    last_used_at: record.lastUsedAt,
    previous_expires_at: record.previous?.expiresAt ?? null,
    revoked_at: record.revokedAt,
  };
}
