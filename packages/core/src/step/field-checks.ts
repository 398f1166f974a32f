import { memberPath } from '../protocol/checks.ts';
import { CONTINUATION_METADATA_KEY } from '../protocol/delivery.ts';
import { LIMITS } from '../protocol/limits.ts';
import type { Problem } from '../protocol/wire-error.ts';
import { isBase64 } from './base64.ts';
import { jsonBytes } from './continuation-size.ts';
import { checkJson } from './json-checks.ts';
import { IdempotentStrategy, StepType, type StepNode } from './step-node.ts';
import { webhooksOf } from './way-back.ts';

/** It must be what `bodyEncoding` says. `fetch` refuses a GET with a body, on every runtime; a server may make it. */
export function checkBody(
  { body, bodyEncoding, method = 'GET' }: StepNode,
  runs: StepType | null,
  path: string,
): readonly Problem[] {
  if (bodyEncoding === 'base64' && !isBase64(String(body))) {
    return [{ path, message: 'is not base64', expected: 'base64, as bodyEncoding says' }];
  }
  if (runs !== StepType.FRUGAL || body === '' || !/^(GET|HEAD)$/.test(method)) return [];
  const expected = 'another method, or no body: a GET or HEAD made here cannot carry one';
  return [{ path, message: `stands in a ${method} request`, expected }];
}

export function checkWebhooks(step: StepNode, path: string): readonly Problem[] {
  if (webhooksOf(step).filter((webhook) => webhook.continuation === true).length <= 1) return [];
  const expected = 'continuation: true for one webhook at most';
  return [{ path, message: 'has several that receive the continuation', expected }];
}

export function checkQuorum(quorum: number, step: StepNode, path: string): readonly Problem[] {
  const webhooks = webhooksOf(step);
  const votes = webhooks.filter((webhook) => webhook.has_quorum_vote !== false).length;
  if (quorum <= votes || webhooks.length === 0) return [];
  const message = `is ${quorum}, and ${votes} webhook${votes === 1 ? ' votes' : 's vote'}`;
  return [{ path, message, expected: `at most ${votes}` }];
}

/**
 * Problems of the key under which a step is done once. Fallbacks have none of their own: they run under
 * the identity of their step.
 */
export function checkKey(step: StepNode, runs: StepType, path: string): readonly Problem[] {
  const { idempotentKey, sendIdempotencyKey } = step;
  const isUnique = step.idempotentStrategy === IdempotentStrategy.UNIQUE;
  if (isUnique && idempotentKey !== undefined) {
    return [
      {
        path: memberPath(path, 'idempotentKey'),
        message: 'is set although the strategy UNIQUE makes a new key for every call',
        expected: 'a key of your own or UNIQUE, not both',
      },
    ];
  }
  const isKnownHere = isUnique || idempotentKey !== undefined;
  if (runs !== StepType.FRUGAL || sendIdempotencyKey !== true || isKnownHere) return [];
  return [
    {
      path: memberPath(path, 'sendIdempotencyKey'),
      message:
        'is set, but the key of a HASH step is made by the server, and this step runs here first',
      expected: 'idempotentKey(key) or IdempotentStrategy.UNIQUE',
    },
  ];
}

export function checkMetadata(metadata: object, path: string): readonly Problem[] {
  const problems: Problem[] = [];
  const { metadataBytes } = LIMITS;
  const notJson = checkJson(metadata, path);
  if (Object.hasOwn(metadata, CONTINUATION_METADATA_KEY)) {
    problems.push({
      path: memberPath(path, CONTINUATION_METADATA_KEY),
      message: 'is a reserved key',
      expected: 'any other key',
    });
  }
  if (notJson.length > 0) return [...problems, ...notJson];
  const bytes = jsonBytes(metadata);
  if (bytes <= metadataBytes) return problems;
  const message = `is ${bytes} bytes long as JSON`;
  return [...problems, { path, message, expected: `at most ${metadataBytes} bytes` }];
}
