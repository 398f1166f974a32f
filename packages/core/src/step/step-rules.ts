import { checkHeaders, checkMethod, checkStatusCodes, checkUrl } from '../protocol/checks.ts';
import { DEFAULTS, LIMITS } from '../protocol/limits.ts';
import { checkBody, checkMetadata, checkQuorum, checkWebhooks } from './field-checks.ts';
import { isQuery, requestUrl } from './request-url.ts';
import {
  flag,
  integer,
  list,
  listOf,
  membersOf,
  name,
  names,
  object,
  oneOf,
  region,
  required,
  text,
  typed,
  type Finder,
  type Rule,
} from './rules.ts';
import { IdempotentStrategy, StepType, type StepFallback, type StepNode } from './step-node.ts';

type RulesOf<T> = Readonly<Record<keyof T, Rule>>;

/** Whoever walks over a tree looks at the steps inside a step. */
const leftToTheWalk: Rule = () => undefined;

/** Every field of a step, each once: what it holds as JSON, and what it must be for the step to run. */
export const checkStep: Rule = /* @__PURE__ */ stepRule();

/** When a fallback starts. */
export const checkFallback: Rule = /* @__PURE__ */ fallbackRule();

function stepRule(): Rule {
  const codes = list((items, path) => checkStatusCodes(items, path));
  const regions = names(LIMITS.regions, region(LIMITS.regionLength));
  const retries = integer(0, LIMITS.retries);
  const webhook = membersOf({
    url: required(checkUrl),
    regions,
    has_quorum_vote: flag(),
    continuation: flag(),
  });
  const limitKey = name(LIMITS.limitKeyLength);
  const limit = membersOf({
    key: limitKey,
    cost: integer(1, LIMITS.limitCost),
    settle_header: text(),
    settle_path: text(),
  });
  const rules: RulesOf<StepNode> = {
    url: required((url, path, { step }) =>
      checkUrl(url === undefined || url === '' ? url : requestUrl(step), path),
    ),
    method: text(checkMethod),
    headers: object(checkHeaders),
    type: oneOf(Object.values(StepType)),
    description: text(),
    query: typed(isQuery, 'a list of pairs of strings'),
    body: text((_, path, { step, runs }) => checkBody(step, runs, path)),
    bodyEncoding: oneOf(['base64']),
    webhooks: listOf(webhook, LIMITS.webhooks, (_, path, { step }) => checkWebhooks(step, path)),
    webhookQuorum: integer(0, LIMITS.webhooks, (quorum, path, { step }) =>
      checkQuorum(quorum, step, path),
    ),
    continueAt: text(checkUrl),
    regions,
    regionPolicy: oneOf(['fallback', 'strict']),
    executionMode: oneOf(['race', 'fanout', 'failover']),
    retryPolicy: membersOf({
      max_retries: retries,
      max_reroutes: retries,
      retry_codes: codes,
      reroute_codes: codes,
    }),
    fallbackOnError: codes,
    timeout: integer(1, DEFAULTS.maxAttemptTimeoutMs),
    onFailureTimeout: integer(1),
    retryAt: integer(0),
    priority: integer(-LIMITS.priority, LIMITS.priority),
    idempotentStrategy: oneOf(Object.values(IdempotentStrategy)),
    idempotentKey: name(LIMITS.idempotentKeyLength),
    sendIdempotencyKey: flag(),
    strictIdempotency: flag(),
    idempotencyWindowMs: integer(1),
    idempotencyScope: oneOf(['organization', 'account']),
    onConflict: oneOf(['return', 'reject', 'replace']),
    repeat: oneOf(['allowed', 'never']),
    metadata: object(checkMetadata),
    tags: names(LIMITS.tags, name(LIMITS.tagLength)),
    userId: name(LIMITS.userIdLength),
    limits: listOf((value, ...at) => {
      (typeof value === 'string' ? limitKey : limit)(value, ...at);
    }, LIMITS.limitKeys),
    hedgeAfterMs: integer(1, DEFAULTS.maxAttemptTimeoutMs),
    hedgePercentile: integer(50, 99, (_, path, { step }) =>
      step.hedgeAfterMs === undefined
        ? []
        : [{ path, message: 'is given beside hedgeAfterMs', expected: 'one of them' }],
    ),
    hedgeBudgetPercent: integer(0, 100),
    executeBefore: integer(0),
    onSuccess: leftToTheWalk,
    onFailure: leftToTheWalk,
    fallbacks: list(),
  };
  return membersOf(rules);
}

function fallbackRule(): Rule {
  const rules: RulesOf<StepFallback> = {
    step: object(),
    triggerOnError: list((codes, path) => checkStatusCodes(codes, path, { allowEmpty: false })),
    triggerOnTimeout: integer(1),
  };
  const checkBoth: Finder<Readonly<Record<string, unknown>>> = (
    { triggerOnError, triggerOnTimeout },
    path,
  ) => {
    if (triggerOnError === undefined || triggerOnTimeout === undefined) return [];
    const expected = 'one trigger; for both, add the step as two fallbacks';
    return [{ path, message: 'has both triggerOnError and triggerOnTimeout', expected }];
  };
  // A condition that nobody reads would make it start on any failure.
  return membersOf(rules, checkBoth, 'triggerOnError or triggerOnTimeout');
}
