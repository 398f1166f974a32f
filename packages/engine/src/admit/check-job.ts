import type { Problem, WarningView } from '@ezthrottle/core/protocol';
import {
  checkHeaders,
  checkMethod,
  checkStatusCodes,
  checkUrl,
  CONNECTION_HEADERS,
  LIMITS,
  memberPath,
} from '@ezthrottle/core/protocol';
import { checkHedge } from './check-hedge.ts';
import { checkLimits } from './check-limits.ts';
import { checkTrigger } from './check-trigger.ts';
import { checkWebhooks } from './check-webhooks.ts';
import { JOB_EDGES_TO_STACK } from './job-fields.ts';
import { isJsonList, isJsonObject, type JsonObject } from './json-object.ts';
import { checkMetadata } from './check-metadata.ts';
import { placeUnder, ROOT_PLACE, TreeBounds, type TreePlace } from './tree-bounds.ts';
import { WarningList } from './warning-list.ts';

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
const CONTROL_CHARACTER = /\p{Cc}/u;
/** With the flag, halves of one character match only when the other half is missing. */
const LONE_SURROGATE = /\p{Cs}/u;
const LATIN1_TEXT = /^[\u0020-\u007e\u00a0-\u00ff]*$/;

/** Fields of a fallback that mean nothing there: it runs under its job's identity. */
const UNUSED_IN_FALLBACKS = [
  'metadata',
  'tags',
  'webhooks',
  'on_failure_timeout_ms',
  'idempotent_key',
  'strict_idempotency',
  'send_idempotency_key',
  'send_traceparent',
  'retry_at',
  'user_id',
  'priority',
  'repeat',
  'execute_before',
  'idempotency_window_ms',
  'idempotency_scope',
  'on_conflict',
] as const;

/** What is wrong with a job, and what is merely of no use. */
export interface JobCheck {
  readonly problems: readonly Problem[];
  readonly warnings: readonly WarningView[];
}

/**
 * The rules that a schema cannot say, over a whole tree of jobs in canonical spelling. Whatever has the
 * wrong type is the schema's business and passes here, so that both run on the same input and nothing
 * is told twice (`mergeProblems`). Never throws; constant stack.
 */
export function checkJob(value: unknown): JobCheck {
  const bounds = new TreeBounds();
  const warnings = new WarningList();
  const problems: Problem[] = [];
  const pending: { job: JsonObject; place: TreePlace }[] = isJsonObject(value)
    ? [{ job: value, place: ROOT_PLACE }]
    : [];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { job, place } = next;
    if (!bounds.enter(place)) continue;
    checkCall(job, place.path, problems);
    if (place.isFallback) checkFallback(job, place.path, problems);
    else checkOwner(job, place.path, problems);
    warnUnused(job, place, warnings);
    for (const edge of JOB_EDGES_TO_STACK) {
      const under = job[edge];
      if (isJsonObject(under)) pending.push({ job: under, place: placeUnder(place, edge) });
    }
  }
  return { problems: [...bounds.problems, ...problems], warnings: warnings.all };
}

/** Everything that a job and a fallback have alike. */
function checkCall(job: JsonObject, path: string, problems: Problem[]): void {
  const at = (name: string): string => memberPath(path, name);
  problems.push(...checkUrl(job['url'], at('url')));
  problems.push(...checkMethod(job['method'], at('method')));
  problems.push(...checkHeaders(job['headers'], at('headers')));
  problems.push(...checkBody(job, at('body')));
  problems.push(...checkRetryPolicy(job['retry_policy'], at('retry_policy')));
  problems.push(...checkLimits(job['limits'], at('limits')));
  problems.push(...checkHedge(job, path));
}

function checkFallback(job: JsonObject, path: string, problems: Problem[]): void {
  problems.push(...checkTrigger(job['trigger'], memberPath(path, 'trigger')));
}

/** What only the job itself has, not its fallbacks. */
function checkOwner(job: JsonObject, path: string, problems: Problem[]): void {
  problems.push(...checkMetadata(job['metadata'], memberPath(path, 'metadata')));
  problems.push(...checkWebhooks(job, path));
  problems.push(...checkNames(job, path));
  problems.push(...checkMoments(job, path));
}

function checkMoments(job: JsonObject, path: string): Problem[] {
  const { retry_at: notBefore, execute_before: before } = job;
  if (typeof notBefore !== 'number' || typeof before !== 'number' || notBefore < before) return [];
  return [
    {
      path: memberPath(path, 'execute_before'),
      message: 'is not after retry_at',
      expected: 'an instant at which the job may have started',
    },
  ];
}

function checkBody(job: JsonObject, path: string): Problem[] {
  const body = job['body'];
  if (typeof body !== 'string') return [];
  if (job['body_encoding'] !== 'base64') return checkHalves(body, path);
  if (body.length % 4 === 0 && BASE64.test(body)) return [];
  return [
    {
      path,
      message: 'is not base64',
      expected: 'base64 with the standard alphabet and padding, as body_encoding says',
    },
  ];
}

function checkRetryPolicy(value: unknown, path: string): Problem[] {
  if (!isJsonObject(value)) return [];
  return [
    ...checkStatusCodes(value['retry_codes'], memberPath(path, 'retry_codes')),
    ...checkStatusCodes(value['reroute_codes'], memberPath(path, 'reroute_codes')),
  ];
}

/** Keys, accounts and tags are stored, compared and shown in lists. */
function checkNames(job: JsonObject, path: string): Problem[] {
  const { idempotent_key: key, user_id: userId, tags } = job;
  const problems = [
    ...checkName(key, memberPath(path, 'idempotent_key')),
    ...checkName(userId, memberPath(path, 'user_id')),
    ...(isJsonList(tags) ? checkTags(tags, memberPath(path, 'tags')) : []),
  ];
  if (job['send_idempotency_key'] === true && typeof key === 'string' && !LATIN1_TEXT.test(key)) {
    problems.push({
      path: memberPath(path, 'idempotent_key'),
      message: 'contains a character that a header cannot carry',
      expected: 'printable Latin-1 characters, since send_idempotency_key is set',
    });
  }
  return problems;
}

function checkTags(tags: readonly unknown[], path: string): Problem[] {
  return tags.slice(0, LIMITS.tags).flatMap((tag, index) => checkName(tag, `${path}[${index}]`));
}

function checkName(value: unknown, path: string): Problem[] {
  if (typeof value !== 'string') return [];
  if (CONTROL_CHARACTER.test(value)) {
    return [
      {
        path,
        message: 'contains a control character',
        expected: 'text without control characters',
      },
    ];
  }
  // Written as UTF-8 every such half becomes the same character: different keys would be one.
  return checkHalves(value, path);
}

function checkHalves(text: string, path: string): Problem[] {
  if (!LONE_SURROGATE.test(text)) return [];
  return [{ path, message: 'contains half of a character', expected: 'well-formed Unicode text' }];
}

function warnUnused(job: JsonObject, { path, isFallback }: TreePlace, warnings: WarningList): void {
  if (isJsonObject(job['headers'])) {
    for (const name of Object.keys(job['headers'])) {
      if (CONNECTION_HEADERS.has(name.toLowerCase())) {
        const at = memberPath(memberPath(path, 'headers'), name);
        warnings.add(at, 'belongs to one connection; the server sets its own');
      }
    }
  }
  if (!isFallback) return;
  for (const name of UNUSED_IN_FALLBACKS) {
    if (!isVoid(job[name])) {
      warnings.add(memberPath(path, name), 'is not used: a fallback runs under its job’s own');
    }
  }
}

/** Nothing said: clients write empty objects and lists for what their user left out. */
function isVoid(value: unknown): boolean {
  if (value === undefined || value === false || value === 0) return true;
  if (isJsonList(value)) return value.length === 0;
  return isJsonObject(value) && Object.keys(value).length === 0;
}
