import {
  type AccountDeletionView,
  checkHeaders,
  LIMITS,
  PRIVACY_BOUNDS,
  type Problem,
  type RedactionRequest,
  type RedactionView,
  type RetentionRequest,
  type RetentionView,
} from '@ezthrottle/core/protocol';
import { REDACTION_SCHEMA, RETENTION_SCHEMA } from '@ezthrottle/core/protocol/schemas';
import { parseRedactionPath } from '@ezthrottle/engine';
import type { AuditLog } from '../audit/audit-log.ts';
import type { AccountDeletion, AccountDeletions } from '../privacy/account-deletions.ts';
import type { PrivacySettings } from '../privacy/privacy-settings.ts';
import { actingOf } from './acting.ts';
import { ApiError, refuseProblems } from './api-error.ts';
import type { Call, Route } from './route.ts';
import { fullCheck } from './schema-check.ts';

const RETENTION = '/settings/retention';
const REDACTION = '/settings/redaction';
const ACCOUNT = '/accounts/:user_id/data';

const checkRedaction = fullCheck<RedactionRequest>(REDACTION_SCHEMA, redactionProblems);

export interface PrivacyRoutesOptions {
  readonly privacy: PrivacySettings;
  readonly deletions: Pick<AccountDeletions, 'request' | 'find'>;
  readonly audit: AuditLog;
  /** How long the server keeps jobs, in milliseconds. */
  readonly retentionMs: number;
}

/** What is kept for how long, what is taken out before, and the deletion of an account's data. */
export function privacyRoutes(options: PrivacyRoutesOptions): readonly Route[] {
  return [...settingsRoutes(options), ...accountRoutes(options)];
}

function settingsRoutes({ privacy, audit, retentionMs }: PrivacyRoutesOptions): readonly Route[] {
  const readRetention = retentionReader(retentionMs);
  return [
    {
      method: 'GET',
      path: RETENTION,
      access: 'read',
      handle: async (_call, { organization }) => ({
        status: 200,
        body: retentionView(privacy.retentionOf(organization), retentionMs),
      }),
    },
    {
      method: 'PUT',
      path: RETENTION,
      access: 'manage',
      async handle(call, caller) {
        const retention = readRetention(call.body);
        const before = privacy.retentionOf(caller.organization);
        const act = {
          action: 'retention.put',
          before: { ...before },
          after: { ...retention },
        } as const;
        const by = audit.committing(actingOf(call, caller), act);
        await privacy.putRetention(caller.organization, retention, by);
        return { status: 200, body: retentionView(retention, retentionMs) };
      },
    },
    {
      method: 'GET',
      path: REDACTION,
      access: 'read',
      handle: async (_call, { organization }) => ({
        status: 200,
        body: privacy.redactionOf(organization),
      }),
    },
    {
      method: 'PUT',
      path: REDACTION,
      access: 'manage',
      async handle(call, caller) {
        const redaction = readRedaction(call.body);
        const before = privacy.redactionOf(caller.organization);
        const act = {
          action: 'redaction.put',
          before: { ...before },
          after: { ...redaction },
        } as const;
        const by = audit.committing(actingOf(call, caller), act);
        await privacy.putRedaction(caller.organization, redaction, by);
        return { status: 200, body: redaction };
      },
    },
  ];
}

function accountRoutes({ deletions, audit }: PrivacyRoutesOptions): readonly Route[] {
  return [
    {
      method: 'DELETE',
      path: ACCOUNT,
      access: 'manage',
      async handle(call, caller) {
        const userId = userIdOf(call);
        const act = { action: 'account.delete', target: userId } as const;
        const by = audit.committing(actingOf(call, caller), act);
        const deletion = await deletions.request(caller.organization, userId, by);
        return { status: 202, body: deletionView(deletion) };
      },
    },
    {
      method: 'GET',
      path: ACCOUNT,
      access: 'manage',
      async handle(call, { organization }) {
        const deletion = deletions.find(organization, userIdOf(call));
        if (deletion === null) {
          throw new ApiError('not_found', 'the deletion of this account was not asked for');
        }
        return { status: 200, body: deletionView(deletion) };
      },
    },
  ];
}

/** A reader of retentions that are no longer than the server's. */
function retentionReader(longestMs: number): (body: unknown) => RetentionRequest {
  const check = fullCheck<RetentionRequest>(RETENTION_SCHEMA, (retention) =>
    timesOf(retention)
      .filter(([, ms]) => ms > longestMs)
      .map(([path]) => ({
        path,
        message: 'is longer than the server keeps jobs',
        expected: `from ${PRIVACY_BOUNDS.shortestMs} to ${longestMs} milliseconds`,
      })),
  );
  return (body) => {
    const checked = check(body);
    if (!checked.ok) return refused(checked.problems, 'the retention');
    return Object.fromEntries(timesOf(checked.value));
  };
}

function timesOf(retention: RetentionRequest): readonly [string, number][] {
  const { jobs_ms, bodies_ms, headers_ms, attempts_ms } = retention;
  return Object.entries({ jobs_ms, bodies_ms, headers_ms, attempts_ms }).filter(
    (entry): entry is [string, number] => entry[1] !== undefined,
  );
}

function readRedaction(body: unknown): RedactionView {
  const checked = checkRedaction(body);
  if (!checked.ok) return refused(checked.problems, 'the redaction');
  const { response_headers = [], response_paths = [] } = checked.value;
  const { request_headers = [], request_paths = [] } = checked.value;
  return {
    response_headers: lowerCase(response_headers),
    response_paths,
    request_headers: lowerCase(request_headers),
    request_paths,
  };
}

function redactionProblems(redaction: RedactionRequest): readonly Problem[] {
  const { response_headers = [], response_paths = [] } = redaction;
  const { request_headers = [], request_paths = [] } = redaction;
  return [
    ...checkNames('response_headers', response_headers),
    ...checkNames('request_headers', request_headers),
    ...checkPaths('response_paths', response_paths),
    ...checkPaths('request_paths', request_paths),
  ];
}

function refused(problems: readonly Problem[], what: string): never {
  refuseProblems(problems, what);
  throw new ApiError('validation_failed', `${what} is not valid`);
}

function checkNames(list: string, names: readonly string[]): readonly Problem[] {
  return names.flatMap((name, index) =>
    checkHeaders({ [name]: '' }, '').length === 0
      ? []
      : [
          {
            path: `${list}[${index}]`,
            message: 'is not the name of a header',
            expected: 'a name such as Authorization',
          },
        ],
  );
}

function checkPaths(list: string, paths: readonly string[]): readonly Problem[] {
  return paths.flatMap((path, index) =>
    parseRedactionPath(path) === null
      ? [
          {
            path: `${list}[${index}]`,
            message: 'is not a path',
            expected: "a path such as $.card.number, $['a b'], $.items[*].token or $..password",
          },
        ]
      : [],
  );
}

function lowerCase(names: readonly string[]): readonly string[] {
  return [...new Set(names.map((name) => name.toLowerCase()))];
}

function userIdOf({ params }: Call): string {
  const userId = params['user_id'] ?? '';
  // Jobs of nobody have the empty one: they are no account's.
  const isOne = userId !== '' && userId.length <= LIMITS.userIdLength;
  if (isOne && !/\p{Cc}|\p{Cs}/u.test(userId)) return userId;
  throw new ApiError('not_found', 'there is no such account');
}

function retentionView(own: RetentionRequest, longestMs: number): RetentionView {
  const jobs = own.jobs_ms ?? longestMs;
  // Whatever hangs on a job goes with it.
  const within = (ms: number | undefined): number => Math.min(ms ?? jobs, jobs);
  return {
    jobs_ms: jobs,
    bodies_ms: within(own.bodies_ms),
    headers_ms: within(own.headers_ms),
    attempts_ms: within(own.attempts_ms),
    longest_ms: longestMs,
  };
}

function deletionView({
  userId,
  requestedAt,
  finishedAt,
  removed,
}: AccountDeletion): AccountDeletionView {
  return {
    user_id: userId,
    status: finishedAt === null ? 'running' : 'done',
    requested_at: requestedAt,
    finished_at: finishedAt,
    removed,
    is_more_left: finishedAt === null,
  };
}
