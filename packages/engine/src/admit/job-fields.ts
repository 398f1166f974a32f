import type {
  FallbackJobRequest,
  LimitRequest,
  RetryPolicyRequest,
  WebhookRequest,
} from '@ezthrottle/core/protocol';

/** Every spelling of a field that is understood, and its canonical name. */
export type Spellings = ReadonlyMap<string, string>;

type TriggerField = 'type' | 'codes' | 'timeout_ms';

// Records, so that a field added to a type is missed here by the compiler, not by a user.
const JOB_FIELDS: Readonly<Record<keyof FallbackJobRequest, true>> = {
  url: true,
  method: true,
  headers: true,
  body: true,
  body_encoding: true,
  timeout_ms: true,
  metadata: true,
  tags: true,
  webhooks: true,
  webhook_quorum: true,
  regions: true,
  region_policy: true,
  execution_mode: true,
  retry_policy: true,
  fallback_job: true,
  on_success: true,
  on_failure: true,
  on_failure_timeout_ms: true,
  idempotent_key: true,
  strict_idempotency: true,
  idempotency_window_ms: true,
  idempotency_scope: true,
  on_conflict: true,
  send_idempotency_key: true,
  send_traceparent: true,
  retry_at: true,
  user_id: true,
  priority: true,
  limits: true,
  hedge_after_ms: true,
  hedge_percentile: true,
  hedge_budget_percent: true,
  execute_before: true,
  follow_redirects: true,
  repeat: true,
  trigger: true,
};

const WEBHOOK_FIELDS: Readonly<Record<keyof WebhookRequest, true>> = {
  url: true,
  regions: true,
  has_quorum_vote: true,
  continuation: true,
};

const RETRY_POLICY_FIELDS: Readonly<Record<keyof RetryPolicyRequest, true>> = {
  max_retries: true,
  max_reroutes: true,
  retry_codes: true,
  reroute_codes: true,
};

const LIMIT_FIELDS: Readonly<Record<keyof LimitRequest, true>> = {
  key: true,
  cost: true,
  settle_header: true,
  settle_path: true,
};

const TRIGGER_FIELDS: Readonly<Record<TriggerField, true>> = {
  type: true,
  codes: true,
  timeout_ms: true,
};

export const JOB_SPELLINGS: Spellings = spellingsOf(JOB_FIELDS);
export const WEBHOOK_SPELLINGS: Spellings = spellingsOf(WEBHOOK_FIELDS);
export const RETRY_POLICY_SPELLINGS: Spellings = spellingsOf(RETRY_POLICY_FIELDS);
export const LIMIT_SPELLINGS: Spellings = spellingsOf(LIMIT_FIELDS);
export const TRIGGER_SPELLINGS: Spellings = spellingsOf(TRIGGER_FIELDS);

/** Fields that other servers read and that mean nothing here: left out without a word. */
export const SILENT_FIELDS: ReadonlySet<string> = new Set(['customer_id', 'customerId']);

/** Edges of the tree: fields of a job that hold a job. */
export const JOB_EDGES = ['fallback_job', 'on_success', 'on_failure'] as const;

/** The same from the last to the first: who puts them on a stack takes them from it in the order of the wire. */
export const JOB_EDGES_TO_STACK: readonly (typeof JOB_EDGES)[number][] = JOB_EDGES.toReversed();

function spellingsOf(fields: Readonly<Record<string, true>>): Spellings {
  return new Map(
    Object.keys(fields).flatMap((name): [string, string][] => [
      [name, name],
      [camelCase(name), name],
    ]),
  );
}

function camelCase(name: string): string {
  return name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
