import type {
  BodyEncoding,
  ConflictPolicy,
  ExecutionMode,
  FallbackJobRequest,
  IdempotencyScope,
  JobRequest,
  LimitRequest,
  RegionPolicy,
  RetryPolicyRequest,
  WebhookRequest,
} from '../job.ts';
import { DEFAULTS, LIMITS } from '../limits.ts';
import { enumSchema, type JsonSchema, objectSchema, type SchemaFor } from './json-schema.ts';

/** Longest time that makes sense anywhere in a job: 30 days, in milliseconds. */
const MAX_SPAN_MS = 2_592_000_000;
/** The last instant that a Date can hold. */
const MAX_INSTANT = 8_640_000_000_000_000;

/** All forms of a trigger at once; which fields go together is checked by the engine's rules. */
interface AnyTrigger {
  readonly type?: 'on_error' | 'on_timeout';
  readonly codes?: readonly number[];
  readonly timeout_ms?: number;
}

const regions: SchemaFor<readonly string[]> = {
  type: 'array',
  maxItems: LIMITS.regions,
  items: {
    type: 'string',
    minLength: 1,
    maxLength: LIMITS.regionLength,
    // The name travels as a header with every call.
    pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*$',
  },
};

const statusCodes: SchemaFor<readonly number[]> = {
  type: 'array',
  maxItems: LIMITS.statusCodes,
  items: { type: 'integer', minimum: 100, maximum: 599 },
};

const span: SchemaFor<number> = { type: 'integer', minimum: 1, maximum: MAX_SPAN_MS };
const count: SchemaFor<number> = { type: 'integer', minimum: 0, maximum: LIMITS.retries };
const flag: SchemaFor<boolean> = { type: 'boolean' };

const webhook = objectSchema<WebhookRequest>(
  { url: true },
  {
    url: { type: 'string', minLength: 1, maxLength: LIMITS.urlLength },
    regions,
    has_quorum_vote: flag,
    continuation: flag,
  },
);

/** `#/definitions/webhook` for schemas of what holds webhooks, too. */
export const WEBHOOK_DEFINITION: JsonSchema = { ...webhook };

const retryPolicy = objectSchema<RetryPolicyRequest>(
  {},
  {
    max_retries: count,
    max_reroutes: count,
    retry_codes: statusCodes,
    reroute_codes: statusCodes,
  },
);

const trigger = objectSchema<AnyTrigger>(
  {},
  {
    type: enumSchema<'on_error' | 'on_timeout'>({ on_error: true, on_timeout: true }),
    codes: statusCodes,
    timeout_ms: span,
  },
);

const limit = objectSchema<LimitRequest>(
  { key: true },
  {
    key: { type: 'string', minLength: 1, maxLength: LIMITS.limitKeyLength },
    cost: { type: 'integer', minimum: 1, maximum: LIMITS.limitCost },
    settle_header: { type: 'string', minLength: 1, maxLength: LIMITS.limitKeyLength },
    settle_path: { type: 'string', minLength: 1, maxLength: LIMITS.settlePathLength },
  },
);

const job = objectSchema<JobRequest>(
  { url: true },
  {
    url: { type: 'string', minLength: 1, maxLength: LIMITS.urlLength },
    method: { type: 'string', minLength: 1 },
    headers: { type: 'object', additionalProperties: { type: 'string' } },
    body: { type: 'string' },
    body_encoding: enumSchema<BodyEncoding>({ utf8: true, base64: true }),
    timeout_ms: { type: 'integer', minimum: 1, maximum: DEFAULTS.maxAttemptTimeoutMs },
    metadata: { type: 'object' },
    tags: {
      type: 'array',
      maxItems: LIMITS.tags,
      items: { type: 'string', minLength: 1, maxLength: LIMITS.tagLength },
    },
    webhooks: {
      type: 'array',
      maxItems: LIMITS.webhooks,
      items: { $ref: '#/definitions/webhook' },
    },
    webhook_quorum: { type: 'integer', minimum: 0, maximum: LIMITS.webhooks },
    regions,
    region_policy: enumSchema<RegionPolicy>({ fallback: true, strict: true }),
    execution_mode: enumSchema<ExecutionMode>({ race: true, fanout: true, failover: true }),
    retry_policy: { $ref: '#/definitions/retry_policy' },
    fallback_job: { $ref: '#/definitions/fallback_job' },
    on_success: { $ref: '#/definitions/job' },
    on_failure: { $ref: '#/definitions/job' },
    on_failure_timeout_ms: span,
    idempotent_key: { type: 'string', minLength: 1, maxLength: LIMITS.idempotentKeyLength },
    strict_idempotency: flag,
    idempotency_window_ms: span,
    idempotency_scope: enumSchema<IdempotencyScope>({ organization: true, account: true }),
    on_conflict: enumSchema<ConflictPolicy>({ return: true, reject: true, replace: true }),
    send_idempotency_key: flag,
    send_traceparent: flag,
    retry_at: { type: 'integer', minimum: 0, maximum: MAX_INSTANT },
    user_id: { type: 'string', maxLength: LIMITS.userIdLength },
    priority: { type: 'integer', minimum: -LIMITS.priority, maximum: LIMITS.priority },
    limits: {
      type: 'array',
      maxItems: LIMITS.limitKeys,
      items: { $ref: '#/definitions/limit' },
    },
    hedge_after_ms: { type: 'integer', minimum: 1, maximum: DEFAULTS.maxAttemptTimeoutMs },
    hedge_percentile: { type: 'integer', minimum: 50, maximum: 99 },
    hedge_budget_percent: { type: 'integer', minimum: 0, maximum: 100 },
    execute_before: { type: 'integer', minimum: 0, maximum: MAX_INSTANT },
    follow_redirects: { type: 'integer', minimum: 0, maximum: 5 },
    repeat: enumSchema<'allowed' | 'never'>({ allowed: true, never: true }),
  },
);

const fallbackJob = objectSchema<FallbackJobRequest>(
  { url: true },
  { ...job.properties, trigger: { $ref: '#/definitions/trigger' } },
);

/** A job as a client submits it, with everything under it, in canonical spelling. */
export const JOB_REQUEST_SCHEMA: JsonSchema = {
  $id: 'job-request.json',
  $ref: '#/definitions/job',
  definitions: {
    job,
    fallback_job: fallbackJob,
    webhook,
    retry_policy: retryPolicy,
    trigger,
    limit,
  },
};

const nested = { type: 'object' } as const;

/** A job, or a fallback, without the jobs under it. */
function single(id: string, schema: typeof job | typeof fallbackJob): JsonSchema {
  return {
    $id: id,
    ...schema,
    properties: {
      ...schema.properties,
      fallback_job: nested,
      on_success: nested,
      on_failure: nested,
    },
    definitions: { webhook, retry_policy: retryPolicy, trigger, limit },
  };
}

/**
 * For checking a tree job by job, with a loop: a list of fallbacks nests as deep as it is long, deeper
 * than a validator that follows references can go.
 */
export const SINGLE_JOB_SCHEMA: JsonSchema = single('single-job.json', job);
/** The same for a job in `fallback_job`, which may have a trigger. */
export const SINGLE_FALLBACK_SCHEMA: JsonSchema = single('single-fallback.json', fallbackJob);
