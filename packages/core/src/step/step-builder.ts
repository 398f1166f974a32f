import type {
  ConflictPolicy,
  ExecutionMode,
  IdempotencyScope,
  Metadata,
  RegionPolicy,
} from '../protocol/job.ts';
import { ConfigurationError } from '../errors.ts';
import { isObject } from '../http/json.ts';
import { toBase64 } from './base64.ts';
import { defined } from './defined.ts';
import {
  upperCase,
  wireNamed,
  wireNamedAll,
  type JobLimitOptions,
  type RetryPolicyOptions,
  type WebhookOptions,
} from './job-options.ts';
import {
  freezeDeep,
  freezeList,
  frozenCopy,
  type FallbackOptions,
  type IdempotentStrategy,
  type StepNode,
  type StepType,
} from './step-node.ts';
import type { StepResult } from './step-result.ts';

export interface IdempotencyOptions {
  /** How long the key stays taken after the job has ended, in milliseconds. Default: the server's, 24 h. */
  readonly windowMs?: number;
  /** Default `organization`. */
  readonly scope?: IdempotencyScope;
  /** Default `return`: the first job is the answer. `replace` works until its first attempt is armed. */
  readonly onConflict?: ConflictPolicy;
}

/** When a second call is made: after a time, or after that within which so many percent of answers came. */
export interface HedgeOptions {
  readonly afterMs?: number;
  /** 50 to 99. */
  readonly percentile?: number;
  /** Second calls in percent of all calls to the target, at most. Default 10. */
  readonly budgetPercent?: number;
}

export interface ExecuteOptions {
  /** Ends the wait: aborts the step, and the steps that it started here. */
  readonly signal?: AbortSignal | undefined;
  /** Time allowed to one try of handing it to the server, in milliseconds. Default: the client's. */
  readonly timeout?: number | undefined;
}

/** What runs steps; `EZThrottle` is one. */
export interface StepClient {
  execute(step: StepBuilder, options?: ExecuteOptions): Promise<StepResult>;
}

type QueryValue = string | number | boolean;

/**
 * One HTTP call and what follows it: everything to build and run it, nothing to write it down or draw it.
 * See `Step`, which has that, too.
 */
export class StepBuilder {
  /** What the step holds: frozen plain data. */
  readonly node: StepNode;
  readonly #client: StepClient | null;

  /** @param client Runs the step; may also be given to `execute()`. Children need none. */
  constructor(client?: StepClient | null, node: StepNode = Object.freeze({})) {
    this.node = node;
    this.#client = client ?? null;
    Object.freeze(this);
  }

  /** Absolute http(s) address that is called. */
  url(url: string): this {
    return this.#with({ url });
  }

  /** Default `GET`. */
  method(method: string): this {
    return this.#with({ method: upperCase(method) });
  }

  /** Sets one header; an earlier one of that name, in any case, is replaced. */
  header(name: string, value: string): this {
    const { headers = {} } = this.node;
    if (!isObject(headers)) return this;
    const others = Object.entries(headers).filter(
      ([known]) => known.toLowerCase() !== String(name).toLowerCase(),
    );
    return this.headers(Object.fromEntries([...others, [name ?? '', value]]));
  }

  /** Sets all headers; earlier ones are forgotten. */
  headers(headers: Readonly<Record<string, string>> | Iterable<readonly [string, string]>): this {
    return this.#with({ headers: headersOf(headers) });
  }

  /** Sends `Authorization: Bearer <token>`. */
  bearer(token: string): this {
    return this.header('Authorization', typeof token === 'string' ? `Bearer ${token}` : token);
  }

  /** Bytes are sent as they are, a string as UTF-8. For anything else see `json`. */
  body(body: string | ArrayBuffer | ArrayBufferView): this {
    if (body instanceof ArrayBuffer) return this.body(new Uint8Array(body));
    if (ArrayBuffer.isView(body)) {
      const bytes = new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
      return this.#with({ body: toBase64(bytes), bodyEncoding: 'base64' });
    }
    const { bodyEncoding: _, ...rest } = this.node;
    return this.#copy(Object.freeze({ ...rest, ...withoutUndefined({ body }) }));
  }

  /** Sends the value as JSON, with its content type unless one is set. `undefined` is no value. */
  json(value: unknown): this {
    const names = Object.keys(this.node.headers ?? {}).map((name) => name.toLowerCase());
    const step = names.includes('content-type')
      ? this
      : this.header('Content-Type', 'application/json');
    return step.body(jsonOf(value));
  }

  /** Adds parameters behind the address; a list gives its parameter several times. */
  query(
    parameters:
      | Readonly<Record<string, QueryValue | readonly QueryValue[]>>
      | Iterable<readonly [string, QueryValue]>,
  ): this {
    return this.#with({ query: freezeList([...(this.node.query ?? []), ...pairsOf(parameters)]) });
  }

  /** Where the step runs. Default PERFORMANCE; a fallback without a type runs where its step does. */
  type(type: StepType): this {
    return this.#with({ type });
  }

  /** A note for whoever reads the tree; not sent. */
  description(description: string): this {
    return this.#with({ description });
  }

  /** Endpoints that get the signed result. */
  webhooks(webhooks: readonly WebhookOptions[]): this {
    return this.#with({ webhooks: frozenCopy(wireNamedAll(webhooks)) });
  }

  /** How many voting webhooks must answer 2xx. Default 1. */
  webhookQuorum(webhookQuorum: number): this {
    return this.#with({ webhookQuorum });
  }

  /** The endpoint that carries on with FRUGAL steps after this one. Default: the first webhook. */
  continueAt(url: string): this {
    return this.#with({ continueAt: url });
  }

  /** Regions to call from; two or more race unless `executionMode` says otherwise. */
  regions(regions: readonly string[]): this {
    return this.#with({ regions: frozenCopy(regions) });
  }

  /** `strict` waits for its region, `fallback` takes any live one. Default `fallback`. */
  regionPolicy(regionPolicy: RegionPolicy): this {
    return this.#with({ regionPolicy });
  }

  /** `race`: first answer wins; `fanout`: all run; `failover`: one region at a time. Default `race`. */
  executionMode(executionMode: ExecutionMode): this {
    return this.#with({ executionMode });
  }

  retryPolicy(policy: RetryPolicyOptions): this {
    return this.#with({ retryPolicy: frozenCopy(wireNamed(policy)) });
  }

  /**
   * FRUGAL: statuses that hand the step to the server.
   * Default 429, 500, 502, 503, 504. Network errors and timeouts always do.
   */
  fallbackOnError(codes: readonly number[]): this {
    return this.#with({ fallbackOnError: frozenCopy(codes) });
  }

  /** Time allowed to one call, in milliseconds. Default 30 000. */
  timeout(timeout: number): this {
    return this.#with({ timeout });
  }

  /** The same as `timeout`. */
  localTimeout(timeout: number): this {
    return this.timeout(timeout);
  }

  /** Default HASH. */
  idempotentStrategy(idempotentStrategy: IdempotentStrategy): this {
    return this.#with({ idempotentStrategy });
  }

  /** A key of your own: the same key is the same job. */
  idempotentKey(idempotentKey: string): this {
    return this.#with({ idempotentKey });
  }

  /** Whether targets get the key as `Idempotency-Key`. Default false. */
  sendIdempotencyKey(sendIdempotencyKey = true): this {
    return this.#with({ sendIdempotencyKey });
  }

  /** Whether a known key with another payload is an error instead of the first job. Default false. */
  strictIdempotency(strictIdempotency = true): this {
    return this.#with({ strictIdempotency });
  }

  /** Among whom the key is unique, how long it stays taken after the end, and what is done when it is taken. */
  idempotency(options: IdempotencyOptions): this {
    return this.#with(
      defined({
        idempotencyWindowMs: options.windowMs,
        idempotencyScope: options.scope,
        onConflict: options.onConflict,
      }),
    );
  }

  /** Limits that every call of this step counts against, all or none; a key alone costs 1. */
  limits(limits: readonly (string | JobLimitOptions)[]): this {
    return this.#with({ limits: frozenCopy(wireNamedAll(limits)) });
  }

  /** On the server, a second call beside one that has not answered for so long. The first success wins. */
  hedge(options: HedgeOptions): this {
    return this.#with(
      defined({
        hedgeAfterMs: options.afterMs,
        hedgePercentile: options.percentile,
        hedgeBudgetPercent: options.budgetPercent,
      }),
    );
  }

  /** The server starts no call after this moment, in milliseconds since the epoch. */
  executeBefore(executeBefore: number): this {
    return this.#with({ executeBefore });
  }

  /** `never`: a call whose outcome a crash of the server has hidden is not made again. */
  repeat(repeat: 'allowed' | 'never'): this {
    return this.#with({ repeat });
  }

  /** JSON that comes back in the delivery; never sent to the target. */
  metadata(metadata: Metadata): this {
    return this.#with({ metadata: jsonCopy(metadata) });
  }

  /** Words to find jobs and route deliveries by. */
  tags(tags: readonly string[]): this {
    return this.#with({ tags: frozenCopy(tags) });
  }

  /** The server does not start before this moment, in milliseconds since the epoch. */
  retryAt(retryAt: number): this {
    return this.#with({ retryAt });
  }

  /** Account within the organization for which this is done; the unit of fairness. */
  userId(userId: string): this {
    return this.#with({ userId });
  }

  /** −100 to 100, higher goes first. Default 0. */
  priority(priority: number): this {
    return this.#with({ priority });
  }

  /** Runs after this step, or one of its fallbacks, succeeded. */
  onSuccess(step: StepBuilder): this {
    return this.#with({ onSuccess: nodeOf(step) });
  }

  /** Runs when this step and all its fallbacks have failed, or after `timeoutMs` without an end. */
  onFailure(step: StepBuilder, timeoutMs?: number | null): this {
    const next = this.#with({ onFailure: nodeOf(step) });
    return timeoutMs === undefined || timeoutMs === null ? next : next.onFailureTimeout(timeoutMs);
  }

  /** The step fails when it has not ended after so many milliseconds. */
  onFailureTimeout(onFailureTimeout: number): this {
    return this.#with({ onFailureTimeout });
  }

  /** Adds another way to the same goal, tried in the order added. */
  fallback(step: StepBuilder, options: FallbackCondition = {}): this {
    const added = Object.freeze({ ...conditionOf(options), step: nodeOf(step) });
    return this.#with({ fallbacks: freezeList([...(this.node.fallbacks ?? []), added]) });
  }

  /**
   * Runs the step: FRUGAL here, PERFORMANCE on the server.
   *
   * A FRUGAL step whose call failed without being handed on is a result, not an error. Throws
   * `StepValidationError`, the client's errors, and `ForwardFailedError`.
   *
   * @param clientOrOptions The client, unless the step was made with one.
   */
  async execute(
    clientOrOptions?: StepClient | ExecuteOptions | null,
    options?: ExecuteOptions,
  ): Promise<StepResult> {
    const isClient =
      clientOrOptions !== undefined && clientOrOptions !== null && 'execute' in clientOrOptions;
    const client = isClient ? clientOrOptions : this.#client;
    if (client === null) {
      throw new ConfigurationError(
        'A step needs a client to run: write new Step(client) or execute(client).',
      );
    }
    return client.execute(this, options ?? (isClient ? {} : (clientOrOptions ?? {})));
  }

  #with(change: StepNode): this {
    return this.#copy(Object.freeze({ ...this.node, ...withoutUndefined(change) }));
  }

  /** A step of this one's own class. */
  #copy(node: StepNode): this;
  #copy(node: StepNode): unknown {
    return Reflect.construct(this.constructor, [this.#client, node]);
  }
}

type Codes = readonly number[] | number | null;

/** As `FallbackOptions`, in either spelling; one status is a list of one, null is as good as absent. */
export interface FallbackCondition {
  readonly triggerOnError?: Codes;
  readonly triggerOnTimeout?: FallbackOptions['triggerOnTimeout'] | null;
  readonly trigger_on_error?: Codes;
  readonly trigger_on_timeout?: FallbackOptions['triggerOnTimeout'] | null;
}

/*
 * Whatever a step is given stands in its node, so that the rules can name what is wrong with it: without
 * types anything may come, and what were dropped here would change the call in silence.
 */

/** Given as undefined is not the same as never set. */
function withoutUndefined(change: StepNode): StepNode;
function withoutUndefined(change: object): object {
  return Object.fromEntries(Object.entries(change).map(([name, value]) => [name, value ?? null]));
}

function nodeOf(step: StepBuilder): StepNode;
function nodeOf(step: unknown): unknown {
  // By its shape: there may be two copies of this package.
  return isObject(step) && isObject(step['node']) ? step['node'] : null;
}

function conditionOf(options: FallbackCondition): FallbackOptions;
function conditionOf(options: unknown): object {
  if (options !== null && !isObject(options)) return { options };
  const given = Object.entries(options ?? {}).filter(([, value]) => (value ?? null) !== null);
  return Object.fromEntries(
    given.map(([spelled, value]) => {
      const name = spelled.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
      return [
        name,
        frozenCopy(typeof value === 'number' && name.endsWith('Error') ? [value] : value),
      ];
    }),
  );
}

function headersOf(
  headers: Parameters<StepBuilder['headers']>[0],
): NonNullable<StepNode['headers']>;
function headersOf(headers: unknown): unknown {
  return isObject(headers) ? Object.freeze(Object.fromEntries(entriesOf(headers))) : headers;
}

function pairsOf(parameters: Parameters<StepBuilder['query']>[0]): NonNullable<StepNode['query']>;
function pairsOf(parameters: unknown): readonly unknown[] {
  if (!isObject(parameters)) return [null];
  return entriesOf(parameters).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((item: unknown) =>
      freezeList([name, /^(n|b)/.test(typeof item) ? String(item) : item]),
    ),
  );
}

/** Also of `Headers`, `URLSearchParams` and maps, whose entries are no members. */
function entriesOf(value: object): readonly (readonly [string, unknown])[] {
  return isIterable(value) ? [...value] : Object.entries(value);
}

function isIterable(value: object): value is Iterable<readonly [string, unknown]> {
  return Symbol.iterator in value;
}

/** Null for what JSON does not have, for the rules to name. */
function jsonOf(value: unknown): string;
function jsonOf(value: unknown): string | null {
  try {
    return JSON.stringify(value) ?? null;
  } catch {
    return null;
  }
}

function jsonCopy(value: Metadata): Metadata;
function jsonCopy(value: unknown): unknown {
  const copy: unknown = JSON.parse(jsonOf(value));
  return freezeDeep(copy);
}
