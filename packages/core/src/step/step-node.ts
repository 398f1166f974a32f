import type {
  ConflictPolicy,
  ExecutionMode,
  IdempotencyScope,
  LimitRequest,
  Metadata,
  RegionPolicy,
  RetryPolicyRequest,
  WebhookRequest,
} from '../protocol/job.ts';

/** Where a step runs. */
export const StepType = {
  /** Here first; handed to the server when that fails. */
  FRUGAL: 'frugal',
  /** On the server. */
  PERFORMANCE: 'performance',
} as const;

export type StepType = (typeof StepType)[keyof typeof StepType];

/** How a repeated submit is recognised. */
export const IdempotentStrategy = {
  /** The server derives the key from method, URL and body: the same request twice is one job. */
  HASH: 'hash',
  /** A new UUID for every `execute()`: every call is a job of its own. */
  UNIQUE: 'unique',
} as const;

export type IdempotentStrategy = (typeof IdempotentStrategy)[keyof typeof IdempotentStrategy];

/**
 * What a `Step` holds: frozen plain data, shared between steps, and at the same time its JSON.
 * A field that was never set is absent.
 */
export interface StepNode {
  readonly type?: StepType;
  readonly description?: string;
  readonly url?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: readonly (readonly [name: string, value: string])[];
  readonly body?: string;
  readonly bodyEncoding?: 'base64';
  readonly webhooks?: readonly WebhookRequest[];
  readonly webhookQuorum?: number;
  readonly continueAt?: string;
  readonly regions?: readonly string[];
  readonly regionPolicy?: RegionPolicy;
  readonly executionMode?: ExecutionMode;
  readonly retryPolicy?: RetryPolicyRequest;
  readonly fallbackOnError?: readonly number[];
  readonly timeout?: number;
  readonly idempotentStrategy?: IdempotentStrategy;
  readonly idempotentKey?: string;
  readonly sendIdempotencyKey?: boolean;
  readonly strictIdempotency?: boolean;
  readonly idempotencyWindowMs?: number;
  readonly idempotencyScope?: IdempotencyScope;
  readonly onConflict?: ConflictPolicy;
  readonly repeat?: 'allowed' | 'never';
  readonly metadata?: Metadata;
  readonly tags?: readonly string[];
  readonly retryAt?: number;
  readonly userId?: string;
  readonly priority?: number;
  readonly limits?: readonly (string | LimitRequest)[];
  readonly hedgeAfterMs?: number;
  readonly hedgePercentile?: number;
  readonly hedgeBudgetPercent?: number;
  readonly executeBefore?: number;
  readonly onSuccess?: StepNode;
  readonly onFailure?: StepNode;
  readonly onFailureTimeout?: number;
  readonly fallbacks?: readonly StepFallback[];
}

export interface StepFallback extends FallbackOptions {
  readonly step: StepNode;
}

/** When a fallback starts; with neither, on any failure. */
export interface FallbackOptions {
  /** On these statuses, and when the call before it gave no answer at all. */
  readonly triggerOnError?: readonly number[];
  /** When the call before it has not ended after so many milliseconds; both then race. */
  readonly triggerOnTimeout?: number;
}

export const DEFAULT_FORWARD_CODES: readonly number[] = [429, 500, 502, 503, 504];

export function freezeList<T>(items: readonly T[]): readonly T[] {
  return Object.freeze([...items]);
}

/** Freezes plain data to its depths, however deep they are. */
export function freezeDeep<T>(value: T): T {
  const values: unknown[] = [value];
  for (const item of values) {
    if (typeof item !== 'object' || item === null) continue;
    for (const member of Object.values(item)) values.push(member);
    Object.freeze(item);
  }
  return value;
}

/** A copy of plain data, its lists and objects frozen; below three levels it is left as it is. */
export function frozenCopy<T>(value: T, levels?: number): T;
export function frozenCopy(value: unknown, levels = 3): unknown {
  if (typeof value !== 'object' || value === null || levels === 0) return value;
  if (Array.isArray(value)) return freezeList(value.map((item) => frozenCopy(item, levels - 1)));
  const members = Object.entries(value).map(([name, item]) => [name, frozenCopy(item, levels - 1)]);
  return Object.freeze(Object.fromEntries(members));
}
