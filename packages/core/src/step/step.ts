import type { ExecutionMode, Metadata, RegionPolicy } from '../protocol/job.ts';
import { ConfigurationError } from '../errors.ts';
import { toBase64 } from './base64.ts';
import { defined } from './defined.ts';
import { wireNamed, type RetryPolicyOptions, type WebhookOptions } from './job-options.ts';
import { nodeFromJson, nodeToJson } from './step-json.ts';
import {
  freezeDeep,
  freezeList,
  type FallbackOptions,
  type IdempotentStrategy,
  type StepNode,
  type StepType,
} from './step-node.ts';
import type { StepResult } from './step-result.ts';

export interface ExecuteOptions {
  /** Ends the wait: aborts the step, and the steps that it started here. */
  readonly signal?: AbortSignal;
}

/** What runs steps; `EZThrottle` is one. */
export interface StepClient {
  execute(step: Step, options?: ExecuteOptions): Promise<StepResult>;
}

type QueryValue = string | number | boolean;

/**
 * One HTTP call and what follows it.
 *
 * A step never changes: every method returns a new one that shares the rest with the old, so steps can
 * be kept, varied and used as children of several trees. A call whose result is dropped does nothing.
 * What is wrong with a step is told by `execute()`, everything at once.
 *
 * @example
 * const result = await new Step(client).url('https://api.example.com').method('POST').execute();
 */
export class Step {
  /** What the step holds: frozen plain data. */
  readonly node: StepNode;
  readonly #client: StepClient | null;

  /** @param client Runs the step; may also be given to `execute()`. Children need none. */
  constructor(client?: StepClient | null, node: StepNode = Object.freeze({})) {
    this.node = node;
    this.#client = client ?? null;
    Object.freeze(this);
  }

  /** A step as `toJSON` wrote it. Throws `StepValidationError` for anything else. */
  static from(json: unknown, client?: StepClient | null): Step {
    return new Step(client, nodeFromJson(json));
  }

  /** Absolute http(s) address that is called. */
  url(url: string): Step {
    return this.#with({ url });
  }

  /** Default `GET`. */
  method(method: string): Step {
    return this.#with({ method: method.toUpperCase() });
  }

  /** Sets one header; an earlier one of that name, in any case, is replaced. */
  header(name: string, value: string): Step {
    const others = Object.entries(this.node.headers ?? {}).filter(
      ([known]) => known.toLowerCase() !== name.toLowerCase(),
    );
    return this.headers(Object.fromEntries([...others, [name, value]]));
  }

  /** Sets all headers; earlier ones are forgotten. */
  headers(headers: Readonly<Record<string, string>>): Step {
    return this.#with({ headers: Object.freeze({ ...headers }) });
  }

  /** Sends `Authorization: Bearer <token>`. */
  bearer(token: string): Step {
    return this.header('Authorization', `Bearer ${token}`);
  }

  /** Bytes are sent as they are, a string as UTF-8. */
  body(body: string | Uint8Array): Step {
    const { bodyEncoding: _, ...rest } = this.node;
    if (typeof body === 'string') return new Step(this.#client, Object.freeze({ ...rest, body }));
    return this.#with({ body: toBase64(body), bodyEncoding: 'base64' });
  }

  /** Sends the value as JSON, with its content type unless one is set. */
  json(value: unknown): Step {
    const names = Object.keys(this.node.headers ?? {}).map((name) => name.toLowerCase());
    const step = names.includes('content-type')
      ? this
      : this.header('Content-Type', 'application/json');
    return step.body(JSON.stringify(value) ?? 'null');
  }

  /** Adds parameters behind the address; a list gives its parameter several times. */
  query(parameters: Readonly<Record<string, QueryValue | readonly QueryValue[]>>): Step {
    const added = Object.entries(parameters).flatMap(([name, value]) =>
      (isList(value) ? value : [value]).map((item) => Object.freeze([name, String(item)] as const)),
    );
    return this.#with({ query: freezeList([...(this.node.query ?? []), ...added]) });
  }

  /** Where the step runs. Default PERFORMANCE; a fallback without a type runs where its step does. */
  type(type: StepType): Step {
    return this.#with({ type });
  }

  /** A note for whoever reads the tree; not sent. */
  description(description: string): Step {
    return this.#with({ description });
  }

  /** Endpoints that get the signed result. */
  webhooks(webhooks: readonly WebhookOptions[]): Step {
    return this.#with({
      webhooks: freezeList(webhooks.map((item) => frozen(wireNamed(item)))),
    });
  }

  /** How many voting webhooks must answer 2xx. Default 1. */
  webhookQuorum(webhookQuorum: number): Step {
    return this.#with({ webhookQuorum });
  }

  /** The endpoint that carries on with FRUGAL steps after this one. Default: the first webhook. */
  continueAt(url: string): Step {
    return this.#with({ continueAt: url });
  }

  /** Regions to call from; two or more race unless `executionMode` says otherwise. */
  regions(regions: readonly string[]): Step {
    return this.#with({ regions: freezeList(regions) });
  }

  /** `strict` waits for its region, `fallback` takes any live one. Default `fallback`. */
  regionPolicy(regionPolicy: RegionPolicy): Step {
    return this.#with({ regionPolicy });
  }

  /** `race`: first answer wins; `fanout`: all run; `failover`: one region at a time. Default `race`. */
  executionMode(executionMode: ExecutionMode): Step {
    return this.#with({ executionMode });
  }

  retryPolicy(policy: RetryPolicyOptions): Step {
    return this.#with({ retryPolicy: frozen(wireNamed(policy)) });
  }

  /**
   * FRUGAL: statuses that hand the step to the server.
   * Default 429, 500, 502, 503, 504. Network errors and timeouts always do.
   */
  fallbackOnError(codes: readonly number[]): Step {
    return this.#with({ fallbackOnError: freezeList(codes) });
  }

  /** Time allowed to one call, in milliseconds. Default 30 000. */
  timeout(timeout: number): Step {
    return this.#with({ timeout });
  }

  /** The same as `timeout`. */
  localTimeout(timeout: number): Step {
    return this.timeout(timeout);
  }

  /** Default HASH. */
  idempotentStrategy(idempotentStrategy: IdempotentStrategy): Step {
    return this.#with({ idempotentStrategy });
  }

  /** A key of your own: the same key is the same job. */
  idempotentKey(idempotentKey: string): Step {
    return this.#with({ idempotentKey });
  }

  /** Whether targets get the key as `Idempotency-Key`. Default false. */
  sendIdempotencyKey(sendIdempotencyKey = true): Step {
    return this.#with({ sendIdempotencyKey });
  }

  /** Whether a known key with another payload is an error instead of the first job. Default false. */
  strictIdempotency(strictIdempotency = true): Step {
    return this.#with({ strictIdempotency });
  }

  /** `never`: a call whose outcome a crash of the server has hidden is not made again. */
  repeat(repeat: 'allowed' | 'never'): Step {
    return this.#with({ repeat });
  }

  /** JSON that comes back in the delivery; never sent to the target. */
  metadata(metadata: Metadata): Step {
    const copy: Metadata = JSON.parse(JSON.stringify(metadata));
    return this.#with({ metadata: freezeDeep(copy) });
  }

  /** Words to find jobs and route deliveries by. */
  tags(tags: readonly string[]): Step {
    return this.#with({ tags: freezeList(tags) });
  }

  /** The server does not start before this moment, in milliseconds since the epoch. */
  retryAt(retryAt: number): Step {
    return this.#with({ retryAt });
  }

  /** Account within the organization for which this is done; the unit of fairness. */
  userId(userId: string): Step {
    return this.#with({ userId });
  }

  /** −100 to 100, higher goes first. Default 0. */
  priority(priority: number): Step {
    return this.#with({ priority });
  }

  /** Runs after this step, or one of its fallbacks, succeeded. */
  onSuccess(step: Step): Step {
    return this.#with({ onSuccess: step.node });
  }

  /** Runs when this step and all its fallbacks have failed, or after `timeoutMs` without an end. */
  onFailure(step: Step, timeoutMs?: number | null): Step {
    const next = this.#with({ onFailure: step.node });
    return timeoutMs === undefined || timeoutMs === null ? next : next.onFailureTimeout(timeoutMs);
  }

  /** The step fails when it has not ended after so many milliseconds. */
  onFailureTimeout(onFailureTimeout: number): Step {
    return this.#with({ onFailureTimeout });
  }

  /** Adds another way to the same goal, tried in the order added. */
  fallback(step: Step, options: FallbackCondition = {}): Step {
    const { triggerOnError, triggerOnTimeout } = options;
    const added = Object.freeze({
      step: step.node,
      ...defined({
        triggerOnError: isList(triggerOnError) ? freezeList(triggerOnError) : undefined,
        triggerOnTimeout: triggerOnTimeout ?? undefined,
      }),
    });
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

  /** The tree as plain JSON, for `Step.from`. A tree out of bounds throws `StepValidationError`. */
  toJSON(): StepNode {
    return nodeToJson(this.node);
  }

  #with(change: StepNode): Step {
    return new Step(this.#client, Object.freeze({ ...this.node, ...change }));
  }
}

/** As `FallbackOptions`; null is as good as absent. */
export interface FallbackCondition {
  readonly triggerOnError?: FallbackOptions['triggerOnError'] | null;
  readonly triggerOnTimeout?: FallbackOptions['triggerOnTimeout'] | null;
}

function isList<T>(value: T | readonly T[] | null | undefined): value is readonly T[] {
  return Array.isArray(value);
}

function frozen<T extends object>(value: T): T {
  return Object.freeze(value);
}
