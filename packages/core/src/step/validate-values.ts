import { checkStatusCodes, checkUrl, memberPath } from '../protocol/checks.ts';
import { CONTINUATION_METADATA_KEY } from '../protocol/delivery.ts';
import { DEFAULTS, LIMITS } from '../protocol/limits.ts';
import type { Problem } from '../protocol/wire-error.ts';
import { jsonBytes } from './continuation-size.ts';
import { IdempotentStrategy, StepType, type StepFallback, type StepNode } from './step-node.ts';

const MAX_SAFE_MS = Number.MAX_SAFE_INTEGER;

/** Problems of the values that one step holds, apart from URL, method and headers. */
export function checkValues(step: StepNode, type: StepType, path: string): readonly Problem[] {
  const at = (name: string): string => memberPath(path, name);
  const { retryPolicy = {}, metadata, idempotentKey } = step;
  const timeoutLimit = DEFAULTS.maxAttemptTimeoutMs;
  return [
    ...checkWord(step.type, Object.values(StepType), at('type')),
    ...checkBody(step, type, at('body')),
    ...checkWebhooks(step, path),
    ...(step.continueAt === undefined ? [] : checkUrl(step.continueAt, at('continueAt'))),
    ...checkRegions(step.regions, at('regions')),
    ...checkWord(step.regionPolicy, ['fallback', 'strict'], at('regionPolicy')),
    ...checkWord(step.executionMode, ['race', 'fanout', 'failover'], at('executionMode')),
    ...checkInteger(retryPolicy.max_retries, 0, LIMITS.retries, `${at('retryPolicy')}.max_retries`),
    ...checkInteger(
      retryPolicy.max_reroutes,
      0,
      LIMITS.retries,
      `${at('retryPolicy')}.max_reroutes`,
    ),
    ...checkStatusCodes(retryPolicy.retry_codes, `${at('retryPolicy')}.retry_codes`),
    ...checkStatusCodes(retryPolicy.reroute_codes, `${at('retryPolicy')}.reroute_codes`),
    ...checkStatusCodes(step.fallbackOnError, at('fallbackOnError')),
    ...checkInteger(step.timeout, 1, timeoutLimit, at('timeout')),
    ...checkInteger(step.onFailureTimeout, 1, MAX_SAFE_MS, at('onFailureTimeout')),
    ...checkInteger(step.retryAt, 0, MAX_SAFE_MS, at('retryAt')),
    ...checkInteger(step.priority, -LIMITS.priority, LIMITS.priority, at('priority')),
    ...checkWord(
      step.idempotentStrategy,
      Object.values(IdempotentStrategy),
      at('idempotentStrategy'),
    ),
    ...checkWord(step.repeat, ['allowed', 'never'], at('repeat')),
    ...checkText(idempotentKey, LIMITS.idempotentKeyLength, at('idempotentKey')),
    ...checkText(step.userId, LIMITS.userIdLength, at('userId')),
    ...checkTexts(step.tags, LIMITS.tags, LIMITS.tagLength, at('tags')),
    ...(metadata === undefined ? [] : checkMetadata(metadata, at('metadata'))),
  ];
}

/** Problems of the condition under which a fallback starts. */
export function checkFallback(fallback: StepFallback, path: string): readonly Problem[] {
  const { triggerOnError, triggerOnTimeout } = fallback;
  const both = triggerOnError !== undefined && triggerOnTimeout !== undefined;
  return [
    ...checkStatusCodes(triggerOnError, `${path}.triggerOnError`, { allowEmpty: false }),
    ...checkInteger(triggerOnTimeout, 1, MAX_SAFE_MS, `${path}.triggerOnTimeout`),
    ...(both
      ? [
          {
            path,
            message: 'has both triggerOnError and triggerOnTimeout',
            expected: 'one trigger; for both, add the step as two fallbacks',
          },
        ]
      : []),
  ];
}

function checkBody({ body, method }: StepNode, type: StepType, path: string): readonly Problem[] {
  if (body === undefined) return [];
  if (typeof body !== 'string') {
    return [
      { path, message: 'is not text or bytes', expected: 'a string or Uint8Array; or json()' },
    ];
  }
  // `fetch` refuses such a call, on every runtime; a server may make it.
  const isRefused =
    type === StepType.FRUGAL && (method === undefined || /^(GET|HEAD)$/.test(method));
  if (!isRefused || body === '') return [];
  const expected = 'another method, or no body: a GET or HEAD made here cannot carry one';
  return [{ path, message: `stands in a ${method ?? 'GET'} request`, expected }];
}

function checkWebhooks(step: StepNode, path: string): readonly Problem[] {
  const webhooks = step.webhooks ?? [];
  const place = memberPath(path, 'webhooks');
  const problems: Problem[] = webhooks.flatMap((webhook, index) => [
    ...checkUrl(webhook.url, `${place}[${index}].url`),
    ...checkRegions(webhook.regions, `${place}[${index}].regions`),
    ...checkFlag(webhook.has_quorum_vote, `${place}[${index}].has_quorum_vote`),
    ...checkFlag(webhook.continuation, `${place}[${index}].continuation`),
  ]);
  if (webhooks.filter((webhook) => webhook.continuation === true).length > 1) {
    const expected = 'continuation: true for one webhook at most';
    problems.push({ path: place, message: 'has several that receive the continuation', expected });
  }
  if (webhooks.length > LIMITS.webhooks) {
    const expected = `at most ${LIMITS.webhooks}`;
    problems.push({ path: place, message: `has ${webhooks.length} entries`, expected });
  }
  return [...problems, ...checkQuorum(step, memberPath(path, 'webhookQuorum'))];
}

function checkQuorum({ webhooks = [], webhookQuorum }: StepNode, path: string): readonly Problem[] {
  const problems = checkInteger(webhookQuorum, 0, LIMITS.webhooks, path);
  if (problems.length > 0 || webhookQuorum === undefined || webhooks.length === 0) return problems;
  const votes = webhooks.filter((webhook) => webhook.has_quorum_vote !== false).length;
  if (webhookQuorum <= votes) return [];
  const message = `is ${webhookQuorum}, and ${votes} webhook${votes === 1 ? ' votes' : 's vote'}`;
  return [{ path, message, expected: `at most ${votes}` }];
}

/**
 * Problems of the key under which a step is done once. Fallbacks have none of their own: they run under
 * the identity of their step.
 */
export function checkKey(step: StepNode, type: StepType, path: string): readonly Problem[] {
  const isUnique = step.idempotentStrategy === IdempotentStrategy.UNIQUE;
  const problems: Problem[] = [];
  if (isUnique && step.idempotentKey !== undefined) {
    problems.push({
      path: memberPath(path, 'idempotentKey'),
      message: 'is set although the strategy UNIQUE makes a new key for every call',
      expected: 'a key of your own or UNIQUE, not both',
    });
  }
  const isKnownHere = isUnique || step.idempotentKey !== undefined;
  if (type === StepType.FRUGAL && step.sendIdempotencyKey === true && !isKnownHere) {
    problems.push({
      path: memberPath(path, 'sendIdempotencyKey'),
      message:
        'is set, but the key of a HASH step is made by the server, and this step runs here first',
      expected: 'idempotentKey(key) or IdempotentStrategy.UNIQUE',
    });
  }
  return problems;
}

function checkMetadata(metadata: object, path: string): readonly Problem[] {
  const problems: Problem[] = [];
  if (Object.hasOwn(metadata, CONTINUATION_METADATA_KEY)) {
    problems.push({
      path: memberPath(path, CONTINUATION_METADATA_KEY),
      message: 'is a reserved key',
      expected: 'any other key',
    });
  }
  if (isDeeper(metadata, LIMITS.metadataDepth)) {
    const expected = `at most ${LIMITS.metadataDepth} levels of objects and lists`;
    problems.push({ path, message: 'is nested too deeply', expected });
    return problems;
  }
  const bytes = jsonBytes(metadata);
  if (bytes <= LIMITS.metadataBytes) return problems;
  const expected = `at most ${LIMITS.metadataBytes} bytes`;
  return [...problems, { path, message: `is ${bytes} bytes long as JSON`, expected }];
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((member) => isDeeper(member, levels - 1));
}

function checkRegions(regions: unknown, path: string): readonly Problem[] {
  return checkTexts(regions, LIMITS.regions, LIMITS.regionLength, path);
}

function checkTexts(
  list: unknown,
  items: number,
  length: number,
  path: string,
): readonly Problem[] {
  if (list === undefined) return [];
  if (!Array.isArray(list))
    return [{ path, message: 'is not a list', expected: 'a list of names' }];
  const names: readonly unknown[] = list;
  const problems = names.flatMap((name, index) => {
    const problem = checkText(name, length, `${path}[${index}]`);
    if (problem.length > 0 || names.indexOf(name) === index) return problem;
    return [{ path: `${path}[${index}]`, message: 'is given twice', expected: 'each name once' }];
  });
  if (names.length <= items) return problems;
  const expected = `at most ${items} entries`;
  return [...problems, { path, message: `has ${names.length} entries`, expected }];
}

function checkText(value: unknown, length: number, path: string): readonly Problem[] {
  if (value === undefined) return [];
  const expected = `a string of 1 to ${length} characters, none of them a control character`;
  if (typeof value !== 'string') return [{ path, message: 'is not a string', expected }];
  if (/\p{Cc}/u.test(value)) {
    return [{ path, message: 'contains a control character', expected }];
  }
  if (value !== '' && value.length <= length) return [];
  return [
    { path, message: value === '' ? 'is empty' : `is ${value.length} characters long`, expected },
  ];
}

function checkFlag(value: unknown, path: string): readonly Problem[] {
  if (value === undefined || typeof value === 'boolean') return [];
  return [{ path, message: 'is neither true nor false', expected: 'true or false' }];
}

function checkWord(value: unknown, words: readonly string[], path: string): readonly Problem[] {
  if (value === undefined || words.some((word) => word === value)) return [];
  return [{ path, message: 'is an unknown word', expected: words.join(' or ') }];
}

function checkInteger(
  value: unknown,
  least: number,
  most: number,
  path: string,
): readonly Problem[] {
  if (value === undefined) return [];
  const isWhole = typeof value === 'number' && Number.isInteger(value);
  if (isWhole && value >= least && value <= most) return [];
  const expected =
    most === MAX_SAFE_MS
      ? `a whole number, at least ${least}`
      : `a whole number from ${least} to ${most}`;
  const message = typeof value === 'number' ? `is ${value}` : 'is not a number';
  return [{ path, message, expected }];
}
