import { memberPath } from '../protocol/checks.ts';
import type { Metadata, WebhookRequest } from '../protocol/job.ts';
import { LIMITS } from '../protocol/limits.ts';
import type { Problem } from '../protocol/wire-error.ts';
import { StepValidationError } from '../errors.ts';
import { defined } from './defined.ts';
import type { StepFallback, StepNode } from './step-node.ts';

type JsonObject = Readonly<Record<string, unknown>>;

interface Reading {
  readonly problems: Problem[];
  /** Steps that may still come. */
  left: number;
}

/**
 * A step's node out of JSON from anywhere. Shapes, depth and number are checked here, values by
 * `execute()`. Throws `StepValidationError` with everything that is wrong.
 */
export function nodeFromJson(json: unknown): StepNode {
  const reading: Reading = { problems: [], left: LIMITS.treeSteps };
  const node = readNode(json, '', 1, reading);
  if (reading.problems.length > 0) throw new StepValidationError(reading.problems);
  return node;
}

/** The node itself, once it is sure that writing it out does not grow without bound. */
export function nodeToJson(node: StepNode): StepNode {
  const reading: Reading = { problems: [], left: LIMITS.treeSteps };
  count(node, 1, reading);
  if (reading.problems.length > 0) throw new StepValidationError(reading.problems);
  return node;
}

function count(node: StepNode, level: number, reading: Reading): void {
  if (!isWithinBounds('', level, reading)) return;
  const children = [node.onSuccess, node.onFailure, ...(node.fallbacks ?? []).map((f) => f.step)];
  for (const child of children) {
    if (child !== undefined && reading.problems.length === 0) count(child, level + 1, reading);
  }
}

function readNode(json: unknown, path: string, level: number, reading: Reading): StepNode {
  if (!isWithinBounds(path, level, reading)) return {};
  if (!isObject(json)) {
    reading.problems.push({ path, message: 'is not an object', expected: 'a step as JSON' });
    return {};
  }
  const fields = new Fields(json, path, reading.problems);
  const child = (name: string): StepNode | undefined =>
    json[name] === undefined
      ? undefined
      : readNode(json[name], memberPath(path, name), level + 1, reading);
  const node = Object.freeze({
    ...readFields(fields),
    ...defined({
      onSuccess: child('onSuccess'),
      onFailure: child('onFailure'),
      fallbacks: fields.list('fallbacks', (item, place) =>
        readFallback(item, place, level, reading),
      ),
    }),
  });
  fields.reportOthers(['onSuccess', 'onFailure']);
  return node;
}

function readFallback(
  json: unknown,
  path: string,
  level: number,
  reading: Reading,
): StepFallback | undefined {
  if (!isObject(json)) return undefined;
  const fields = new Fields(json, path, reading.problems);
  const fallback = Object.freeze({
    step: readNode(json.step, `${path}.step`, level + 1, reading),
    ...defined({
      triggerOnError: fields.list('triggerOnError', asNumber),
      triggerOnTimeout: fields.number('triggerOnTimeout'),
    }),
  });
  fields.reportOthers(['step']);
  return fallback;
}

function readFields(fields: Fields): StepNode {
  return defined({
    type: fields.oneOf('type', ['frugal', 'performance']),
    description: fields.text('description'),
    url: fields.text('url'),
    method: fields.text('method'),
    headers: fields.texts('headers'),
    query: fields.list('query', asPair),
    body: fields.text('body'),
    bodyEncoding: fields.oneOf('bodyEncoding', ['base64']),
    webhooks: fields.list('webhooks', asWebhook),
    webhookQuorum: fields.number('webhookQuorum'),
    continueAt: fields.text('continueAt'),
    regions: fields.list('regions', asText),
    regionPolicy: fields.oneOf('regionPolicy', ['fallback', 'strict']),
    executionMode: fields.oneOf('executionMode', ['race', 'fanout', 'failover']),
    retryPolicy: readRetryPolicy(fields),
    fallbackOnError: fields.list('fallbackOnError', asNumber),
    timeout: fields.number('timeout'),
    idempotentStrategy: fields.oneOf('idempotentStrategy', ['hash', 'unique']),
    idempotentKey: fields.text('idempotentKey'),
    sendIdempotencyKey: fields.flag('sendIdempotencyKey'),
    strictIdempotency: fields.flag('strictIdempotency'),
    repeat: fields.oneOf('repeat', ['allowed', 'never']),
    metadata: fields.read('metadata', 'a JSON object', asMetadata),
    tags: fields.list('tags', asText),
    retryAt: fields.number('retryAt'),
    userId: fields.text('userId'),
    priority: fields.number('priority'),
    onFailureTimeout: fields.number('onFailureTimeout'),
  });
}

function readRetryPolicy(fields: Fields): StepNode['retryPolicy'] {
  const policy = fields.nested('retryPolicy');
  if (policy === undefined) return undefined;
  const read = Object.freeze(
    defined({
      max_retries: policy.number('max_retries'),
      max_reroutes: policy.number('max_reroutes'),
      retry_codes: policy.list('retry_codes', asNumber),
      reroute_codes: policy.list('reroute_codes', asNumber),
    }),
  );
  policy.reportOthers([]);
  return read;
}

function asWebhook(value: unknown, path: string, problems: Problem[]): WebhookRequest | undefined {
  if (!isObject(value)) return undefined;
  const fields = new Fields(value, path, problems);
  const webhook = Object.freeze({
    url: fields.text('url') ?? '',
    ...defined({
      regions: fields.list('regions', asText),
      has_quorum_vote: fields.flag('has_quorum_vote'),
      continuation: fields.flag('continuation'),
    }),
  });
  fields.reportOthers([]);
  return webhook;
}

/** Reads typed members of one object; what is not as it should be becomes a problem. */
class Fields {
  readonly #json: JsonObject;
  readonly #path: string;
  readonly #problems: Problem[];
  readonly #known = new Set<string>();

  constructor(json: JsonObject, path: string, problems: Problem[]) {
    this.#json = json;
    this.#path = path;
    this.#problems = problems;
  }

  read<T>(name: string, expected: string, as: (value: unknown) => T | undefined): T | undefined {
    this.#known.add(name);
    const value = this.#json[name];
    if (value === undefined) return undefined;
    const read = as(value);
    if (read === undefined) {
      this.#problems.push({
        path: memberPath(this.#path, name),
        message: 'is something else',
        expected,
      });
    }
    return read;
  }

  text(name: string): string | undefined {
    return this.read(name, 'a string', asText);
  }

  number(name: string): number | undefined {
    return this.read(name, 'a number', asNumber);
  }

  flag(name: string): boolean | undefined {
    return this.read(name, 'true or false', (value) =>
      typeof value === 'boolean' ? value : undefined,
    );
  }

  oneOf<Word extends string>(name: string, words: readonly Word[]): Word | undefined {
    return this.read(name, words.join(' or '), (value) => words.find((word) => word === value));
  }

  texts(name: string): Readonly<Record<string, string>> | undefined {
    return this.read(name, 'an object of strings', asTexts);
  }

  nested(name: string): Fields | undefined {
    const value = this.read(name, 'an object', (given) => (isObject(given) ? given : undefined));
    if (value === undefined) return undefined;
    return new Fields(value, memberPath(this.#path, name), this.#problems);
  }

  list<T>(
    name: string,
    as: (value: unknown, path: string, problems: Problem[]) => T | undefined,
  ): readonly T[] | undefined {
    const items = this.read(name, 'a list', asList);
    if (items === undefined) return undefined;
    const read: T[] = [];
    const place = memberPath(this.#path, name);
    for (const [index, item] of items.entries()) {
      const path = `${place}[${index}]`;
      const value = as(item, path, this.#problems);
      if (value === undefined) {
        this.#problems.push({
          path,
          message: 'is something else',
          expected: `an entry of ${name}`,
        });
      } else read.push(value);
    }
    return Object.freeze(read);
  }

  reportOthers(alsoKnown: readonly string[]): void {
    for (const name of Object.keys(this.#json)) {
      if (this.#known.has(name) || alsoKnown.includes(name)) continue;
      const path = memberPath(this.#path, name);
      this.#problems.push({ path, message: 'is not a field of a step', expected: 'no such field' });
    }
  }
}

function isWithinBounds(path: string, level: number, reading: Reading): boolean {
  reading.left -= 1;
  if (level > LIMITS.treeDepth) {
    const expected = `at most ${LIMITS.treeDepth} levels of steps`;
    reading.problems.push({ path, message: 'is nested too deeply', expected });
  } else if (reading.left === -1) {
    const expected = `at most ${LIMITS.treeSteps} steps`;
    reading.problems.push({ path, message: 'is one step too many', expected });
  }
  return level <= LIMITS.treeDepth && reading.left >= 0;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function asText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function asNumber(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

function asList(value: unknown): readonly unknown[] | undefined {
  return Array.isArray(value) ? value : undefined;
}

function asTexts(value: unknown): Readonly<Record<string, string>> | undefined {
  if (!isObject(value)) return undefined;
  const texts: [string, string][] = [];
  for (const [name, text] of Object.entries(value)) {
    if (typeof text !== 'string') return undefined;
    texts.push([name, text]);
  }
  return Object.freeze(Object.fromEntries(texts));
}

function asPair(value: unknown): readonly [string, string] | undefined {
  if (!Array.isArray(value)) return undefined;
  const [name, text]: readonly unknown[] = value;
  return typeof name === 'string' && typeof text === 'string' && value.length === 2
    ? Object.freeze([name, text] as const)
    : undefined;
}

function asMetadata(value: unknown): Metadata | undefined {
  if (!isObject(value)) return undefined;
  const copy: Metadata = JSON.parse(JSON.stringify(value));
  return copy;
}
