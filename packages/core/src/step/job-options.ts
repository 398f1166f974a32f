import type {
  BodyEncoding,
  ExecutionMode,
  FallbackJobRequest,
  JobRequest,
  Metadata,
  RegionPolicy,
  RetryPolicyRequest,
  TriggerRequest,
  WebhookRequest,
} from '../protocol/job.ts';
import { defined } from './defined.ts';

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
  readonly type?: 'on_error' | 'on_timeout';
  readonly codes?: readonly number[];
  readonly timeout_ms?: number;
  readonly timeoutMs?: number;
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
  readonly send_idempotency_key?: boolean;
  readonly retry_at?: number;
  readonly user_id?: string;
  readonly priority?: number;
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
  readonly sendIdempotencyKey?: boolean;
  readonly retryAt?: number;
  readonly userId?: string;
  readonly fallbackJob?: SubmitJobOptions;
  readonly onSuccess?: SubmitJobOptions;
  readonly onFailure?: SubmitJobOptions;
}

/** A job as users write it for `submitJob`: either spelling of every field, snake_case wins. */
export interface SubmitJobOptions extends SnakeCaseFields, CamelCaseFields {
  /** Only of a fallback: when it starts. Absent: on any failure. */
  readonly trigger?: TriggerOptions;
}

/**
 * The one place where options become wire names. What is empty or a default is left out; keys inside
 * `headers`, `metadata` and `body` are the user's and are never touched; fields that we do not know
 * are handed on, for the server to name in its warnings.
 */
export function jobRequest(options: SubmitJobOptions): JobRequest {
  const { url, method, headers, body, metadata, tags, webhooks, regions, ...rest } = options;
  const { webhook_quorum, webhookQuorum, region_policy, regionPolicy, ...others } = rest;
  const { execution_mode, executionMode, retry_policy, retryPolicy, ...more } = others;
  const {
    trigger: _,
    fallback_job,
    fallbackJob,
    on_success,
    onSuccess,
    on_failure,
    onFailure,
    ...plain
  } = more;
  const quorum = webhook_quorum ?? webhookQuorum;
  const policy = region_policy ?? regionPolicy;
  const mode = execution_mode ?? executionMode;
  const retry = retry_policy ?? retryPolicy;
  const fallback = fallback_job ?? fallbackJob;
  const success = on_success ?? onSuccess;
  const failure = on_failure ?? onFailure;
  return {
    url,
    method: (method ?? 'GET').toUpperCase(),
    ...defined({
      headers: nonEmptyObject(headers),
      body: body === '' ? undefined : body,
      metadata: nonEmptyObject(metadata),
      tags: nonEmpty(tags),
      webhooks: nonEmpty(webhooks)?.map(webhookRequest),
      webhook_quorum: quorum === 1 ? undefined : quorum,
      regions: nonEmpty(regions),
      region_policy: policy === 'fallback' ? undefined : policy,
      execution_mode: mode === 'race' ? undefined : mode,
      retry_policy: retry === undefined ? undefined : retryPolicyRequest(retry),
      fallback_job: fallback === undefined ? undefined : fallbackJobRequest(fallback),
      on_success: success === undefined ? undefined : jobRequest(success),
      on_failure: failure === undefined ? undefined : jobRequest(failure),
    }),
    ...scalarFields(plain),
  };
}

export function webhookRequest(webhook: WebhookOptions): WebhookRequest {
  const { url, hasQuorumVote, has_quorum_vote = hasQuorumVote, ...rest } = webhook;
  return { url, ...defined({ ...rest, has_quorum_vote }) };
}

export function retryPolicyRequest(policy: RetryPolicyOptions): RetryPolicyRequest {
  const { maxRetries, maxReroutes, retryCodes, rerouteCodes, ...rest } = policy;
  const { max_retries = maxRetries, max_reroutes = maxReroutes, ...lists } = rest;
  const { retry_codes = retryCodes, reroute_codes = rerouteCodes, ...unknown } = lists;
  return defined({ ...unknown, max_retries, max_reroutes, retry_codes, reroute_codes });
}

type StructuredNames =
  | 'trigger'
  | 'metadata'
  | 'webhooks'
  | `fallback${'_job' | 'Job'}`
  | `on${'_success' | 'Success' | '_failure' | 'Failure'}`
  | `retry${'_policy' | 'Policy'}`;

function scalarFields(
  options: Partial<Omit<SubmitJobOptions, StructuredNames>>,
): Partial<JobRequest> {
  const { bodyEncoding, timeoutMs, onFailureTimeoutMs, idempotentKey, strictIdempotency, ...rest } =
    options;
  const { sendIdempotencyKey, retryAt, userId, ...snake } = rest;
  return {
    ...defined({
      body_encoding: bodyEncoding,
      timeout_ms: timeoutMs,
      on_failure_timeout_ms: onFailureTimeoutMs,
      idempotent_key: idempotentKey,
      strict_idempotency: strictIdempotency,
      send_idempotency_key: sendIdempotencyKey,
      retry_at: retryAt,
      user_id: userId,
    }),
    ...defined(snake),
  };
}

function fallbackJobRequest(options: SubmitJobOptions): FallbackJobRequest {
  const { trigger, ...job } = options;
  const condition = trigger === undefined ? undefined : triggerRequest(trigger);
  return { ...jobRequest(job), ...defined({ trigger: condition }) };
}

function triggerRequest(trigger: TriggerOptions): TriggerRequest | undefined {
  const { type, codes, timeoutMs, timeout_ms = timeoutMs } = trigger;
  // A half-filled trigger is handed on as it is: the server names what is missing.
  if (type === 'on_error') return { type, codes: codes ?? [] };
  if (type === 'on_timeout') return { type, timeout_ms: timeout_ms ?? 0 };
  return undefined;
}

function nonEmpty<T>(list: readonly T[] | undefined): readonly T[] | undefined {
  return list === undefined || list.length === 0 ? undefined : list;
}

function nonEmptyObject<T extends object>(value: T | undefined): T | undefined {
  return value === undefined || Object.keys(value).length === 0 ? undefined : value;
}
