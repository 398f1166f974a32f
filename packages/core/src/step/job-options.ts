import { describeProblems, ValidationError } from '../errors.ts';
import { isObject, isPlain } from '../http/json.ts';
import { checkUrl } from '../protocol/checks.ts';
import { defined, type Defined } from './defined.ts';
import { checkJobOptions } from './job-option-checks.ts';
import type {
  BodyEncoding,
  ConflictPolicy,
  ExecutionMode,
  FallbackJobRequest,
  IdempotencyScope,
  JobRequest,
  LimitRequest,
  Metadata,
  RegionPolicy,
  RetryPolicyRequest,
  TriggerRequest,
  WebhookRequest,
} from '../protocol/job.ts';

/** A webhook as users write it: either spelling of the vote, snake_case wins. */
export interface WebhookOptions extends WebhookRequest {
  readonly hasQuorumVote?: boolean;
}

/** A retry policy as users write it: either spelling, snake_case wins. */
export interface RetryPolicyOptions extends RetryPolicyRequest {
  readonly maxRetries?: number;
  readonly maxReroutes?: number;
  readonly retryCodes?: readonly number[];
  readonly rerouteCodes?: readonly number[];
}

/** When a fallback starts, as users write it. */
export interface TriggerOptions {
  /** Default: `on_error` with codes, `on_timeout` with a time. */
  readonly type?: 'on_error' | 'on_timeout';
  readonly codes?: readonly number[] | number;
  readonly timeout_ms?: number;
  readonly timeoutMs?: number;
}

/** A limit that a job names, as users write it: either spelling, snake_case wins. */
export interface JobLimitOptions extends LimitRequest {
  readonly settleHeader?: string;
  readonly settlePath?: string;
}

interface SnakeCaseFields {
  readonly url: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly body_encoding?: BodyEncoding;
  readonly timeout_ms?: number;
  /** JSON; handed on as it is. */
  readonly metadata?: Metadata;
  readonly tags?: readonly string[];
  readonly webhooks?: readonly WebhookOptions[];
  readonly webhook_quorum?: number;
  readonly regions?: readonly string[];
  readonly region_policy?: RegionPolicy;
  readonly execution_mode?: ExecutionMode;
  readonly retry_policy?: RetryPolicyOptions;
  readonly on_failure_timeout_ms?: number;
  readonly idempotent_key?: string;
  readonly strict_idempotency?: boolean;
  readonly idempotency_window_ms?: number;
  readonly idempotency_scope?: IdempotencyScope;
  readonly on_conflict?: ConflictPolicy;
  readonly send_idempotency_key?: boolean;
  readonly retry_at?: number;
  readonly user_id?: string;
  readonly priority?: number;
  /** Limits that every call of the job counts against; a key alone costs 1. */
  readonly limits?: readonly (string | JobLimitOptions)[];
  readonly hedge_after_ms?: number;
  readonly hedge_percentile?: number;
  readonly hedge_budget_percent?: number;
  readonly execute_before?: number;
  readonly follow_redirects?: number;
  readonly repeat?: 'allowed' | 'never';
  readonly fallback_job?: SubmitJobOptions;
  readonly on_success?: SubmitJobOptions;
  readonly on_failure?: SubmitJobOptions;
}

interface CamelCaseFields {
  readonly bodyEncoding?: BodyEncoding;
  readonly timeoutMs?: number;
  readonly webhookQuorum?: number;
  readonly regionPolicy?: RegionPolicy;
  readonly executionMode?: ExecutionMode;
  readonly retryPolicy?: RetryPolicyOptions;
  readonly onFailureTimeoutMs?: number;
  readonly idempotentKey?: string;
  readonly strictIdempotency?: boolean;
  /** How long the key stays taken after the job has ended, in milliseconds. Default: the server's, 24 h. */
  readonly idempotencyWindowMs?: number;
  /** Among whom the key is unique. Default `organization`. */
  readonly idempotencyScope?: IdempotencyScope;
  /** What is done when the key is taken. Default `return`: the first job is the answer. */
  readonly onConflict?: ConflictPolicy;
  readonly sendIdempotencyKey?: boolean;
  readonly retryAt?: number;
  readonly userId?: string;
  readonly hedgeAfterMs?: number;
  readonly hedgePercentile?: number;
  readonly hedgeBudgetPercent?: number;
  readonly executeBefore?: number;
  /** Redirects that are followed, 0 to 5. Default 0. */
  readonly followRedirects?: number;
  readonly fallbackJob?: SubmitJobOptions;
  readonly onSuccess?: SubmitJobOptions;
  readonly onFailure?: SubmitJobOptions;
}

/** A job as users write it for `submitJob`: either spelling of every field, snake_case wins. */
export interface SubmitJobOptions extends SnakeCaseFields, CamelCaseFields {
  /** Only of a fallback: when it starts. Absent: on any failure. */
  readonly trigger?: TriggerOptions;
}

/** The members whose names are spelled as on the wire. */
type WireNamed<T> = {
  [Name in keyof T as Name extends Lowercase<Name & string> ? Name : never]: T[Name];
};

/** What the server assumes of a job that does not say. */
const ASSUMED: Readonly<Record<string, unknown>> = {
  body: '',
  webhook_quorum: 1,
  region_policy: 'fallback',
  execution_mode: 'race',
  strict_idempotency: false,
  idempotency_scope: 'organization',
  on_conflict: 'return',
  send_idempotency_key: false,
  priority: 0,
  repeat: 'allowed',
};

/**
 * A job as it is sent. Throws `ValidationError` with everything that cannot be sent as it was meant.
 */
export function jobRequest(options: SubmitJobOptions): JobRequest {
  const problems = checkJobOptions(options);
  if (problems.length > 0) throw new ValidationError(describeProblems('job', problems), problems);
  return wireJob(options);
}

/** The same for a job that stands alone, whose address is looked at here already. */
export function urlJobRequest(options: SubmitJobOptions): JobRequest {
  const problems = checkUrl(options.url, 'url');
  if (problems.length > 0) {
    throw new ValidationError(`url ${problems[0]?.message ?? 'is wrong'}`, problems);
  }
  return jobRequest(options);
}

/**
 * The one place where options become wire names. What is empty or a default is left out; keys inside
 * `headers`, `metadata` and `body` are the user's and are never touched; fields that we do not know
 * are handed on, for the server to name in its warnings.
 */
export function wireJob(options: SubmitJobOptions): JobRequest {
  const { url, method = 'GET', trigger: _, ...fields } = wireNamed(options);
  const { webhooks, retry_policy, limits, fallback_job, on_success, on_failure, ...others } =
    fields;
  return {
    url,
    method: upperCase(method),
    ...withoutAssumed({
      ...others,
      body_encoding: others.body === '' ? undefined : others.body_encoding,
      webhooks: wireNamedAll(webhooks),
      // A quorum of no webhooks says nothing.
      webhook_quorum: webhooks?.length ? others.webhook_quorum : undefined,
      retry_policy: wireNamed(retry_policy),
      limits: wireNamedAll(limits),
      fallback_job: fallback_job && fallbackJobRequest(fallback_job),
      on_success: on_success && wireJob(on_success),
      on_failure: on_failure && wireJob(on_failure),
    }),
  };
}

/** The members under their wire names; of a member in both spellings, snake_case wins. */
export function wireNamed<T extends object | undefined>(options: T): WireNamed<T>;
export function wireNamed(options: unknown): unknown {
  // For whoever checks it to name.
  if (!isObject(options)) return options;
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const named = given.map(([name, value]) => [wireName(name), value] as const);
  // What comes later wins.
  return Object.fromEntries([...named, ...given.filter(([name]) => !/[A-Z]/.test(name))]);
}

/** The same of each in a list. A limit's key alone stays what it is: the server takes it for the limit. */
export function wireNamedAll(
  items: readonly (string | JobLimitOptions)[] | undefined,
): readonly LimitRequest[];
export function wireNamedAll<T extends object>(
  items: readonly T[] | undefined,
): readonly WireNamed<T>[];
export function wireNamedAll(items: unknown): unknown {
  return Array.isArray(items) ? items.map(wireNamed) : items;
}

/** A text in capitals; what is none as it is. */
export function upperCase(text: string): string {
  return typeof text === 'string' ? text.toUpperCase() : text;
}

function wireName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function withoutAssumed<T extends object>(job: T): Defined<T>;
function withoutAssumed(job: object): object {
  const said = Object.entries(job).filter(
    ([name, value]) => value !== undefined && value !== ASSUMED[name] && !isEmpty(value),
  );
  return Object.fromEntries(said);
}

function isEmpty(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return isPlain(value) && Object.keys(value).length === 0;
}

function fallbackJobRequest(options: SubmitJobOptions): FallbackJobRequest {
  const trigger = options.trigger && triggerRequest(options.trigger);
  return { ...wireJob(options), ...(trigger && { trigger }) };
}

/** A trigger says by its fields of which type it is. What it cannot be is handed on, for the server to name. */
function triggerRequest(trigger: TriggerOptions): TriggerRequest;
function triggerRequest(trigger: TriggerOptions): object {
  const { type, codes, timeout_ms, ...others } = wireNamed(trigger);
  const inferred =
    codes !== undefined ? 'on_error' : timeout_ms !== undefined ? 'on_timeout' : undefined;
  return {
    ...others,
    ...defined({
      type: type ?? inferred,
      timeout_ms,
      codes: typeof codes === 'number' ? [codes] : codes,
    }),
  };
}
