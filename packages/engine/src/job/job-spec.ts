import type { TraceContext } from './trace-context.ts';
import type {
  BodyEncoding,
  ConflictPolicy,
  ExecutionMode,
  IdempotencyScope,
  Metadata,
  RegionPolicy,
} from '@ezthrottle/core/protocol';
import type { ErasedPart } from '../privacy/erase-job.ts';

/** When a fallback starts. */
export type Trigger =
  | { readonly kind: 'any_failure' }
  | { readonly kind: 'on_error'; readonly codes: readonly number[] }
  | { readonly kind: 'on_timeout'; readonly timeoutMs: number };

export interface RetryPolicy {
  readonly maxRetries: number;
  readonly maxReroutes: number;
  readonly retryCodes: readonly number[];
  readonly rerouteCodes: readonly number[];
}

export interface BodySpec {
  readonly encoding: BodyEncoding;
  readonly data: string;
}

/** A limit of the organization, and what a call takes from it. */
export interface LimitSpec {
  readonly key: string;
  readonly cost: number;
  /** Name in lower case. */
  readonly settleHeader?: string;
  readonly settlePath?: string;
}

/** When a second call is started beside one that has not answered. */
export type HedgeSpec = {
  /** Second calls in percent of all calls to the target, at most. */
  readonly budgetPercent: number;
} & (
  | { readonly kind: 'after'; readonly afterMs: number }
  | { readonly kind: 'percentile'; readonly percentile: number }
);

/** One HTTP call that can settle the job: its own (path 0) or a fallback (path n). */
export interface PathSpec {
  readonly url: string;
  /** `scheme://host[:port]` of the url: what is paced. */
  readonly origin: string;
  /** In which part of it the call stands in line, where it was divided by account. Absent: the first. */
  readonly part?: number;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: BodySpec | null;
  readonly timeoutMs: number;
  /** Empty: anywhere. */
  readonly regions: readonly string[];
  readonly regionPolicy: RegionPolicy;
  readonly executionMode: ExecutionMode;
  readonly retry: RetryPolicy;
  /** Limits that each of its calls counts against, beside its destination. Absent: none. */
  readonly limits?: readonly LimitSpec[];
  /** Absent: no second call. */
  readonly hedge?: HedgeSpec;
  /** Secrets that its url, headers and body refer to. Absent: nothing there is replaced when it is sent. */
  readonly secrets?: readonly string[];
  /** Redirects that each of its legs follows, at most. Absent: none. */
  readonly followRedirects?: number;
  /** Path 0 has none. */
  readonly trigger: Trigger | null;
  /** Spawned when this path gave the job its success; path 0's whenever the job succeeds. */
  readonly onSuccess: JobSpec | null;
  /** Spawned when the job failed and this path had run; path 0's whenever the job fails. */
  readonly onFailure: JobSpec | null;
}

export interface WebhookSpec {
  readonly url: string;
  readonly regions: readonly string[];
  readonly hasQuorumVote: boolean;
  readonly receivesContinuation: boolean;
}

/** A job as the engine knows it: every default filled in, fallbacks flattened in order. */
export interface JobSpec {
  readonly planVersion: 1;
  readonly paths: readonly [PathSpec, ...PathSpec[]];
  readonly metadata: Metadata;
  readonly tags: readonly string[];
  readonly webhooks: readonly WebhookSpec[];
  readonly webhookQuorum: number;
  readonly onFailureTimeoutMs: number | null;
  /** Milliseconds since the epoch; null: at once. */
  readonly notBefore: number | null;
  /** No attempt starts after it, in milliseconds since the epoch. Absent: none is too late. */
  readonly executeBefore?: number;
  /** As submitted; null: derived by the server. */
  readonly idempotentKey: string | null;
  readonly strictIdempotency: boolean;
  /** Absent: the server's window. Milliseconds. */
  readonly idempotencyWindowMs?: number;
  /** Absent: `organization`. */
  readonly idempotencyScope?: IdempotencyScope;
  /** Absent: `return`. */
  readonly onConflict?: ConflictPolicy;
  readonly sendIdempotencyKey: boolean;
  /** The trace that it was submitted in, as far as anybody wants to know. Absent: none. */
  readonly trace?: TraceContext;
  /** Whoever is called for it is told the trace. Absent: nobody is. */
  readonly sendTraceparent?: true;
  /** Empty: the API key itself is the account. */
  readonly userId: string;
  readonly priority: number;
  readonly repeat: 'allowed' | 'never';
  /** The dead job that this one is a new try of. Absent: of none. */
  readonly redriveOf?: string;
  /** The redrive that has sent it. Absent: none has. */
  readonly redrive?: string;
  /** Parts that are not kept any more, so that it cannot be run again as it was. Absent: it is whole. */
  readonly erased?: readonly ErasedPart[];
}
