import type {
  ApiKeyScope,
  AuditAction,
  JobState,
  Metadata,
  RedriveOutcome,
} from '@ezthrottle/core/protocol';
import type { JobSpec } from '../job/job-spec.ts';
import type { OutcomeKind, StoredResponse } from '../job/outcome.ts';
import type { JobEnd, RunState } from '../job/run.ts';
import type { EndpointDisabled } from '../deliver/endpoint.ts';
import type { DeadReason, Id, SealedText } from './operation.ts';

export interface OrganizationRecord {
  readonly id: Id;
  readonly name: string;
  readonly createdAt: number;
}

export interface ApiKeyRecord {
  readonly id: Id;
  readonly organization: Id;
  readonly name: string;
  /** SHA-256 of the key, hex: the key itself is not stored. */
  readonly hash: string;
  /** Which vocabulary its clients speak (decision 2). */
  readonly dialect: 'ezthrottle' | 'spooled';
  readonly createdAt: number;
  readonly expiresAt: number | null;
  readonly scopes: readonly ApiKeyScope[];
  /** How the key begins; null when it was not made here. */
  readonly hint: string | null;
  /** What it was before it was rotated, and until when that opens as well. */
  readonly previous: { readonly hash: string; readonly expiresAt: number } | null;
  /** Written in batches, so it lags behind. A put of a known key does not change it. */
  readonly lastUsedAt: number | null;
  /** It opens nothing from then on; null: it was not revoked. */
  readonly revokedAt: number | null;
}

export interface WebhookSecretsRecord {
  readonly organization: Id;
  readonly primary: SealedText;
  readonly secondary: SealedText | null;
  readonly updatedAt: number;
}

/** A secret that jobs refer to by its name. */
export interface SecretRecord {
  readonly organization: Id;
  readonly name: string;
  readonly value: SealedText;
  /** Where it may be sent; `*` is anywhere. */
  readonly origins: readonly string[];
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** Where a sealed text stands. */
export interface SealedPlace {
  readonly kind: 'webhook_primary' | 'webhook_secondary' | 'signing_key' | 'secret';
  readonly organization: Id;
  /** Public key of a signing key, name of a secret; empty for the others. */
  readonly name: string;
}

/** A sealed text in its place. */
export interface SealedRecord extends SealedPlace {
  readonly sealed: SealedText;
}

/** A pair of ed25519 keys that signs an organization's webhooks. */
export interface SigningKeyRecord {
  /** `whpk_` and the key in base64. */
  readonly publicKey: string;
  /** `whsk_` and the seed in base64, sealed. */
  readonly seed: SealedText;
  readonly createdAt: number;
}

/** An endpoint that was disabled at some time. */
export interface EndpointRecord {
  readonly organization: Id;
  readonly endpointId: string;
  readonly url: string;
  /** Null: it is enabled again. */
  readonly disabled: EndpointDisabled | null;
}

/** A job that has not ended, with all that the rules need to move it on. */
export interface LiveJob {
  readonly id: Id;
  readonly organization: Id;
  readonly apiKey: Id;
  readonly spec: JobSpec;
  readonly run: RunState;
  readonly version: number;
  readonly wakeAt: number | null;
  readonly idempotentKey: string;
  readonly parent: { readonly id: Id; readonly edge: string } | null;
  readonly createdAt: number;
}

export interface AttemptRecord {
  readonly attempt: number;
  readonly leg: number;
  readonly path: number;
  readonly region: string;
  readonly url: string;
  readonly outcome: OutcomeKind | null;
  readonly statusCode: number | null;
  readonly error: string | null;
  readonly armedAt: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  /** From when its leg stood in line again. Absent: it was not tried again; a redirect that was followed is not. */
  readonly retryAt?: number;
}

export interface DeliveryRecord {
  readonly id: Id;
  readonly jobId: Id;
  readonly organization: Id;
  readonly webhook: number;
  readonly endpointId: string;
  readonly url: string;
  readonly state: 'pending' | 'delivered' | 'dead';
  readonly hasQuorumVote: boolean;
  readonly receivesContinuation: boolean;
  readonly attempts: number;
  readonly statusCode: number | null;
  readonly error: string | null;
  /** Why it is dead, where that is known. */
  readonly deadReason: DeadReason | null;
  readonly nextAttemptAt: number | null;
  readonly createdAt: number;
  /** When it was replayed last, and how many attempts it had then. Absent: never. */
  readonly replayed?: { readonly at: number; readonly afterAttempts: number };
}

/** One attempt of a delivery that has ended. */
export interface DeliveryAttemptRecord {
  readonly attempt: number;
  readonly statusCode: number | null;
  readonly error: string | null;
  readonly startedAt: number;
  readonly endedAt: number;
}

/** A job that failed, as lists and filters need it. */
export interface DeadJob {
  readonly id: Id;
  readonly organization: Id;
  readonly apiKey: Id;
  readonly userId: string;
  readonly idempotentKey: string;
  readonly state: 'failed' | 'deadletter';
  readonly url: string;
  readonly method: string;
  readonly tags: readonly string[];
  readonly racing: boolean;
  readonly error: string | null;
  readonly redriveOf: Id | null;
  readonly createdAt: number;
  readonly endedAt: number;
}

/** A delivery that died, with what filters need of its job. */
export interface DeadDelivery extends DeliveryRecord {
  /** When its last attempt ended; of one without any: when it came to be. */
  readonly diedAt: number;
  readonly userId: string;
  readonly tags: readonly string[];
}

/** Many dead letters that are sent again. */
export interface RedriveRecord {
  readonly id: Id;
  readonly organization: Id;
  /** JSON; belongs to the rules of redrives. */
  readonly data: string;
  /** From 1; one more with every change. */
  readonly version: number;
  readonly createdAt: number;
  /** Null while it runs. */
  readonly endedAt: number | null;
}

/** One dead letter that a redrive has come to. */
export interface RedriveItem {
  /** From 1. */
  readonly number: number;
  readonly source: Id;
  readonly result: Id | null;
  readonly outcome: RedriveOutcome;
}

/** A job as it is shown and delivered, ended or not. */
export interface JobRecord {
  readonly id: Id;
  readonly organization: Id;
  readonly idempotentKey: string;
  readonly spec: JobSpec;
  readonly state: JobState;
  readonly createdAt: number;
  readonly startedAt: number | null;
  readonly end: JobEnd | null;
  readonly parent: { readonly id: Id; readonly edge: string } | null;
  readonly quorumReachedAt: number | null;
  /** How long the key stays taken after the end, in milliseconds; 0 when another job took it over. */
  readonly keyWindowMs: number;
}

/** The responses that a result is made of, by attempt number. */
export interface ResultResponse {
  readonly attempt: number;
  readonly region: string;
  readonly response: StoredResponse;
}

/** A row of a list: no payload. */
export interface JobSummary {
  readonly id: Id;
  readonly idempotentKey: string;
  readonly url: string;
  readonly method: string;
  readonly tags: readonly string[];
  readonly state: JobState;
  readonly racing: boolean;
  readonly createdAt: number;
  readonly endedAt: number | null;
}

/** A limit as a resource. */
export interface LimitRecord {
  readonly organization: Id;
  readonly key: string;
  /** JSON; belongs to the rules of limits. */
  readonly data: string;
  /** From 1; one more with every change. */
  readonly version: number;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** An act that has changed something. Holds no secret. */
export interface AuditRecord {
  readonly id: Id;
  readonly organization: Id;
  readonly at: number;
  readonly action: AuditAction;
  readonly target: string | null;
  /** Null: the server by itself. */
  readonly apiKey: Id | null;
  readonly actor: string | null;
  readonly reason: string | null;
  readonly before: Metadata | null;
  readonly after: Metadata | null;
}
