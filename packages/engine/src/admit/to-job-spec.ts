import type {
  FallbackJobRequest,
  JobRequest,
  LimitRequest,
  RetryPolicyRequest,
  TriggerRequest,
  WebhookRequest,
} from '@ezthrottle/core/protocol';
import { CONNECTION_HEADERS, DEFAULTS } from '@ezthrottle/core/protocol';
import type {
  BodySpec,
  HedgeSpec,
  JobSpec,
  LimitSpec,
  PathSpec,
  RetryPolicy,
  Trigger,
  WebhookSpec,
} from '../job/job-spec.ts';
import { referencedSecrets } from './secret-references.ts';

// One of each for all jobs that say nothing: a job is kept as long as it waits, and nothing here is ever changed.
const NONE: readonly never[] = [];
const NO_MEMBERS: Readonly<Record<string, never>> = {};
const DEFAULT_RETRY: RetryPolicy = {
  maxRetries: DEFAULTS.maxRetries,
  maxReroutes: DEFAULTS.maxReroutes,
  retryCodes: DEFAULTS.retryCodes,
  rerouteCodes: DEFAULTS.rerouteCodes,
};
const ANY_FAILURE: Trigger = { kind: 'any_failure' };

/**
 * A checked job with every default filled in and its chain of fallbacks flattened. Children belong to
 * their parent's account unless they name one.
 *
 * @param job In canonical spelling, without problems by schema and `checkJob`.
 * @param account `user_id` of jobs that name none. Default: empty, the API key itself.
 * @throws TypeError when a url is not one, which `checkJob` would have said.
 */
export function toJobSpec(job: JobRequest, account = ''): JobSpec {
  const userId = job.user_id ?? account;
  const fallbacks: PathSpec[] = [];
  for (let next = job.fallback_job; next !== undefined; next = next.fallback_job) {
    fallbacks.push(pathSpec(next, triggerOf(next.trigger), userId));
  }
  return {
    planVersion: 1,
    paths: [pathSpec(job, null, userId), ...fallbacks],
    metadata: job.metadata ?? NO_MEMBERS,
    tags: unique(job.tags),
    webhooks: webhookSpecs(job.webhooks ?? NONE),
    webhookQuorum: job.webhook_quorum ?? 1,
    onFailureTimeoutMs: job.on_failure_timeout_ms ?? null,
    notBefore: job.retry_at ?? null,
    idempotentKey: job.idempotent_key ?? null,
    strictIdempotency: job.strict_idempotency ?? false,
    sendIdempotencyKey: job.send_idempotency_key ?? false,
    userId,
    priority: job.priority ?? 0,
    repeat: job.repeat ?? 'allowed',
    ...rareFields(job),
  };
}

function pathSpec(
  job: JobRequest | FallbackJobRequest,
  trigger: Trigger | null,
  userId: string,
): PathSpec {
  const secrets = referencedSecrets(job);
  return {
    url: job.url,
    origin: new URL(job.url).origin,
    method: (job.method ?? 'GET').toUpperCase(),
    headers: ownHeaders(job.headers ?? NO_MEMBERS),
    body: bodySpec(job),
    timeoutMs: job.timeout_ms ?? DEFAULTS.attemptTimeoutMs,
    regions: unique(job.regions),
    regionPolicy: job.region_policy ?? 'fallback',
    executionMode: job.execution_mode ?? 'race',
    retry: job.retry_policy === undefined ? DEFAULT_RETRY : retryPolicy(job.retry_policy),
    ...(job.limits !== undefined && job.limits.length > 0 && { limits: job.limits.map(limitSpec) }),
    ...hedgeOf(job),
    ...(job.follow_redirects && { followRedirects: job.follow_redirects }),
    ...(secrets !== null && { secrets }),
    trigger,
    onSuccess: job.on_success === undefined ? null : toJobSpec(job.on_success, userId),
    onFailure: job.on_failure === undefined ? null : toJobSpec(job.on_failure, userId),
  };
}

/** What few jobs have is left out where it is not said: a job is stored as it stands here. */
function rareFields(
  job: JobRequest,
): Pick<
  JobSpec,
  'executeBefore' | 'idempotencyWindowMs' | 'idempotencyScope' | 'onConflict' | 'sendTraceparent'
> {
  const { execute_before, idempotency_window_ms, idempotency_scope, on_conflict } = job;
  return {
    ...(execute_before !== undefined && { executeBefore: execute_before }),
    ...(idempotency_window_ms !== undefined && { idempotencyWindowMs: idempotency_window_ms }),
    ...(idempotency_scope !== undefined && { idempotencyScope: idempotency_scope }),
    ...(on_conflict !== undefined && { onConflict: on_conflict }),
    ...(job.send_traceparent === true && { sendTraceparent: true }),
  };
}

function limitSpec({ key, cost, settle_header, settle_path }: LimitRequest): LimitSpec {
  return {
    key,
    cost: cost ?? 1,
    ...(settle_header === undefined ? {} : { settleHeader: settle_header.toLowerCase() }),
    ...(settle_path === undefined ? {} : { settlePath: settle_path }),
  };
}

function hedgeOf(job: JobRequest): { readonly hedge?: HedgeSpec } {
  const budgetPercent = job.hedge_budget_percent ?? DEFAULTS.hedgeBudgetPercent;
  const { hedge_after_ms: afterMs, hedge_percentile: percentile } = job;
  if (afterMs !== undefined) return { hedge: { kind: 'after', afterMs, budgetPercent } };
  if (percentile !== undefined) return { hedge: { kind: 'percentile', percentile, budgetPercent } };
  return {};
}

function bodySpec({ body, body_encoding: encoding }: JobRequest): BodySpec | null {
  if (body === undefined || body === '') return null;
  return { encoding: encoding ?? 'utf8', data: body };
}

function ownHeaders(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const names = Object.keys(headers);
  const others = names.filter((name) => CONNECTION_HEADERS.has(name.toLowerCase()));
  if (others.length === 0) return headers;
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !others.includes(name)));
}

function retryPolicy(policy: RetryPolicyRequest): RetryPolicy {
  return {
    maxRetries: policy.max_retries ?? DEFAULTS.maxRetries,
    maxReroutes: policy.max_reroutes ?? DEFAULTS.maxReroutes,
    retryCodes: policy.retry_codes ? unique(policy.retry_codes) : DEFAULTS.retryCodes,
    rerouteCodes: policy.reroute_codes ? unique(policy.reroute_codes) : DEFAULTS.rerouteCodes,
  };
}

function triggerOf(trigger: TriggerRequest | undefined): Trigger {
  switch (trigger?.type) {
    case undefined:
      return ANY_FAILURE;
    case 'on_error':
      return { kind: 'on_error', codes: unique(trigger.codes) };
    case 'on_timeout':
      return { kind: 'on_timeout', timeoutMs: trigger.timeout_ms };
  }
}

function webhookSpecs(webhooks: readonly WebhookRequest[]): readonly WebhookSpec[] {
  const chosen = webhooks.findIndex(({ continuation }) => continuation === true);
  const receiver = chosen === -1 ? 0 : chosen;
  return webhooks.map((webhook, index) => ({
    url: webhook.url,
    regions: unique(webhook.regions),
    hasQuorumVote: webhook.has_quorum_vote ?? true,
    receivesContinuation: index === receiver && webhook.continuation !== false,
  }));
}

/** The list itself where nothing can stand in it twice: most of a job's lists are empty or have one entry. */
function unique<T>(values: readonly T[] = NONE): readonly T[] {
  return values.length < 2 ? values : [...new Set(values)];
}
