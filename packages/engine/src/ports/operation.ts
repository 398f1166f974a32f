import type { JobState } from '@ezthrottle/core/protocol';
import type { EndpointDisabled } from '../deliver/endpoint.ts';
import type { Erasure } from '../privacy/erase-job.ts';
import type { JobSpec } from '../job/job-spec.ts';
import type { OutcomeKind, StoredResponse } from '../job/outcome.ts';
import type { JobEnd, RunState } from '../job/run.ts';
import type {
  ApiKeyRecord,
  AuditRecord,
  RedriveItem,
  RedriveRecord,
  LimitRecord,
  OrganizationRecord,
  SealedPlace,
  SecretRecord,
  WebhookSecretsRecord,
  SigningKeyRecord,
} from './records.ts';

/** A write. Applied as a whole or not at all. */
export type Operation = PlainOperation | AuditedOperation;

/** A write that nobody has to answer for, or whose entry in the audit log is put round it. */
export type PlainOperation =
  | SubmitOperation
  | ReplaceOperation
  | AdvanceOperation
  | StageOperation
  | SettleDeliveryOperation
  | EndDeliveryOperation
  | PutEndpointOperation
  | SigningKeyOperation
  | SecretOperation
  | PrivacyOperation
  | PruneOperation
  | PutPaceOperation
  | LimitOperation
  | AuditOperation
  | ReplayOperation
  | RedriveOperation
  | TenancyOperation;

/** Identifier of a job, delivery or organization: a UUID in lower case with dashes. */
export type Id = string;

export interface IdempotencyClaim {
  readonly scope: string;
  /** As the client may read it back. */
  readonly key: string;
  /** SHA-256 over method, URL and body: tells a repeat from another request under the same key. */
  readonly fingerprint: string;
  /** How long the key stays taken after the job has ended. */
  readonly windowMs: number;
}

export interface NewJob {
  readonly id: Id;
  readonly organization: Id;
  readonly apiKey: Id;
  readonly spec: JobSpec;
  readonly run: RunState;
  /** Every live leg, waiting or armed. */
  readonly work: readonly NewWork[];
  readonly armed: readonly ArmedAttempt[];
  /** Next moment to decide again; null: none. */
  readonly wakeAt: number | null;
  readonly idempotency: IdempotencyClaim;
  readonly parent: { readonly id: Id; readonly edge: string } | null;
  readonly createdAt: number;
}

/** A leg that stands in line (or is armed) at an origin. */
export interface NewWork {
  readonly leg: number;
  /** Name of the line (`lineName`): the origin, where the call counts against no limit beside it. */
  readonly origin: string;
  /** `delayed` until the stager finds it due, then `ready`; `armed` once its attempt is committed. */
  readonly state: 'delayed' | 'ready' | 'armed';
  readonly readyAt: number;
  /** Order within the account: smaller goes first. */
  readonly rank: number;
}

export interface ArmedAttempt {
  readonly attempt: number;
  readonly leg: number;
  readonly path: number;
  readonly token: string;
  readonly region: string;
  readonly url: string;
  readonly armedAt: number;
}

export interface EndedAttempt {
  readonly attempt: number;
  readonly token: string;
  readonly outcome: OutcomeKind;
  readonly statusCode: number | null;
  readonly error: string | null;
  /** `as_armed`: another node made the call, and all that is known here is when it was armed. */
  readonly startedAt: number | null | 'as_armed';
  readonly endedAt: number;
  /** From when its leg stands in line again. Absent: it does not, or goes on where a redirect leads. */
  readonly retryAt?: number;
  /** Kept when the rules asked for it. */
  readonly response: StoredResponse | null;
}

export interface NewDelivery {
  /** Derived from (job, webhook index): inserting it twice leaves one. */
  readonly id: Id;
  readonly webhook: number;
  readonly endpointId: string;
  readonly url: string;
  readonly hasQuorumVote: boolean;
  readonly receivesContinuation: boolean;
  readonly nextAttemptAt: number;
}

/** Takes a job, unless its key is taken: then `duplicate` names the first one. */
export interface SubmitOperation {
  readonly type: 'submit';
  readonly job: NewJob;
}

/**
 * Moves a job on. `stale` when `version` is not the stored one (somebody else moved it), `gone` when
 * the job is unknown or has ended. Every applied advance adds one to the version; a new job has 1.
 */
export interface AdvanceOperation {
  readonly type: 'advance';
  readonly jobId: Id;
  readonly version: number;
  readonly run: RunState;
  readonly wakeAt: number | null;
  /** Put in line or changed; replaces the row of the same leg. */
  readonly putWork: readonly NewWork[];
  readonly removeWork: readonly number[];
  readonly armed: readonly ArmedAttempt[];
  readonly ended: readonly EndedAttempt[];
  /** Set once, with the last advance: work and timer vanish, the key's window begins. */
  readonly end: JobEnd | null;
  /** Children; one whose id exists already is left alone. */
  readonly children: readonly NewJob[];
  readonly deliveries: readonly NewDelivery[];
}

/**
 * Ends the job that holds a key and takes another one under it: both, or nothing. Whatever was left of the
 * key's window goes to the new job. `stale` when the ending one has moved or does not hold the key (any
 * more), `gone` when it has ended.
 */
export interface ReplaceOperation {
  readonly type: 'replace';
  /** With an `end`. */
  readonly ending: AdvanceOperation;
  readonly job: NewJob;
}

/** Delayed work that has become due stands in line now. Unknown or changed rows are skipped. */
export interface StageOperation {
  readonly type: 'stage';
  readonly rows: readonly { readonly jobId: Id; readonly leg: number }[];
}

/** Why a delivery will not be tried again. */
export type DeadReason =
  /** The endpoint said 410: it is not there any more. */
  | 'gone'
  /** Its address may not be called. */
  | 'refused'
  /** Its time was up. */
  | 'gave_up'
  /** The endpoint had been disabled, by an earlier 410 or by its owner. */
  | 'endpoint_disabled';

/**
 * Settles one attempt of a delivery and counts its vote, in one step. `stale` when the attempt is not
 * the next one, `gone` when the delivery is unknown or has ended. With the reason `gone` the endpoint is
 * disabled in the same step.
 */
export interface SettleDeliveryOperation {
  readonly type: 'settle_delivery';
  readonly deliveryId: Id;
  /** From 1. */
  readonly attempt: number;
  readonly statusCode: number | null;
  readonly error: string | null;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly next:
    | { readonly state: 'delivered' }
    | { readonly state: 'dead'; readonly reason?: DeadReason }
    | { readonly state: 'pending'; readonly nextAttemptAt: number };
}

/** Ends a pending delivery without an attempt. `gone` when it is unknown or has ended. */
export interface EndDeliveryOperation {
  readonly type: 'end_delivery';
  readonly deliveryId: Id;
  readonly reason: DeadReason;
}

/** Enables or disables an endpoint that was disabled before. `gone` when none is known by this id. */
export interface PutEndpointOperation {
  readonly type: 'put_endpoint';
  readonly organization: Id;
  readonly endpointId: string;
  /** Null: enabled. */
  readonly disabled: EndpointDisabled | null;
}

export type SigningKeyOperation =
  /**
   * The newest key of an organization; of those before only the last is kept. The first one (`stale` when
   * there is one already), or with `isRotation` a further one (`gone` when there is none).
   */
  | {
      readonly type: 'put_signing_key';
      readonly organization: Id;
      readonly key: SigningKeyRecord;
      readonly isRotation: boolean;
    }
  | { readonly type: 'delete_signing_keys'; readonly organization: Id };

export type SecretOperation =
  /** One of this name keeps its `createdAt`. */
  | { readonly type: 'put_secret'; readonly secret: SecretRecord }
  /** `gone` when there is none. */
  | { readonly type: 'delete_secret'; readonly organization: Id; readonly name: string }
  /** The same secret under another master key; `stale` when `was` is not what is stored. */
  | {
      readonly type: 'reseal';
      readonly place: SealedPlace;
      readonly was: SealedText;
      readonly sealed: SealedText;
    };

export type PrivacyOperation =
  /** A document of the organization's own, such as its settings; null takes it away. */
  | {
      readonly type: 'put_document';
      readonly organization: Id;
      readonly kind: string;
      readonly name: string;
      readonly data: string | null;
    }
  /**
   * Takes a part out of ended jobs and counts them. Jobs that are live are passed over; those with a pending
   * delivery are `left`.
   */
  | {
      readonly type: 'erase_jobs';
      readonly organization: Id;
      readonly jobIds: readonly Id[];
      readonly erasure: Erasure;
    }
  /** Removes ended jobs with all that hangs on them, and counts them. Jobs that are live are passed over. */
  | {
      readonly type: 'remove_jobs';
      readonly organization: Id;
      readonly jobIds: readonly Id[];
      /**
       * Those with a pending delivery, or with a key that is still taken at this moment, are `left`; null:
       * they are removed as well.
       */
      readonly unlessNeededAt: number | null;
    }
  /** Forgets the name of an account of which no job is left. `stale`: not now, something is in the way. */
  | { readonly type: 'forget_account'; readonly organization: Id; readonly userId: string };

/** Removes what is past its time, at most `limit` jobs. The verdict carries how many went. */
export interface PruneOperation {
  readonly type: 'prune';
  readonly now: number;
  /**
   * Ended jobs older than this go, the oldest first, with all that hangs on them; but not while a
   * delivery is pending or the idempotency key is still taken.
   */
  readonly jobsEndedBefore: number;
  readonly limit: number;
}

/** What a destination has taught: survives restarts (decision 14). `data` is `pace`'s own. */
export interface PutPaceOperation {
  readonly type: 'put_pace';
  readonly rows: readonly {
    readonly organization: Id;
    readonly origin: string;
    readonly data: string;
  }[];
  /** Of which nothing is kept any more. Absent: none. */
  readonly forgotten?: readonly { readonly organization: Id; readonly origin: string }[];
}

/**
 * A limit as a resource. `stale` when what is stored is not what the change was made from, `gone` when
 * nothing is stored.
 */
export type LimitOperation =
  /** `replaces` is the version that is stored; null: none is. */
  | { readonly type: 'put_limit'; readonly limit: LimitRecord; readonly replaces: number | null }
  | {
      readonly type: 'delete_limit';
      readonly organization: Id;
      readonly key: string;
      readonly version: number;
    };

/**
 * An act of an operator and its entry in the audit log: both, or nothing. The verdict is the act's; an act
 * that is not `ok` leaves no entry.
 */
export interface AuditedOperation {
  readonly type: 'audited';
  readonly operation: PlainOperation;
  readonly entry: AuditRecord;
}

export type ReplayOperation =
  /**
   * A dead delivery is pending again, from this moment on, with a schedule that begins anew. `stale` when it
   * is not dead, `gone` when it is unknown in this organization.
   */
  | {
      readonly type: 'replay_delivery';
      readonly organization: Id;
      readonly deliveryId: Id;
      readonly at: number;
    }
  /**
   * A further delivery about a job that has ended. `stale` when the job has one of this number or id already,
   * `gone` when the job is unknown in this organization or has not ended.
   */
  | {
      readonly type: 'add_delivery';
      readonly organization: Id;
      readonly jobId: Id;
      readonly delivery: NewDelivery;
      readonly at: number;
    };

export type RedriveOperation =
  /**
   * A redrive as it stands now, with the items that are new or have changed. `stale` when what is stored is
   * not what it was made from, `gone` when nothing is stored.
   */
  | {
      readonly type: 'put_redrive';
      readonly redrive: RedriveRecord;
      /** The version that is stored; null: none is. */
      readonly replaces: number | null;
      readonly items: readonly RedriveItem[];
      /** Deliveries that are replayed in the same write; those that are not dead are left alone. */
      readonly replays?: readonly { readonly deliveryId: Id; readonly at: number }[];
    }
  /** Removes redrives that ended before, at most `limit`. The verdict carries how many went. */
  | { readonly type: 'prune_redrives'; readonly before: number; readonly limit: number };

export type AuditOperation =
  /** An entry for what no write of the store tells. */
  | { readonly type: 'put_audit'; readonly entry: AuditRecord }
  /** Removes entries that are older, at most `limit`. The verdict carries how many went. */
  | { readonly type: 'prune_audit'; readonly before: number; readonly limit: number };

export type TenancyOperation =
  | { readonly type: 'put_organization'; readonly organization: OrganizationRecord }
  /** With `replaces` only while the stored key has this hash, else `stale`. */
  | { readonly type: 'put_api_key'; readonly apiKey: ApiKeyRecord; readonly replaces?: string }
  /** When keys were used last; an earlier moment than the stored one, and unknown keys, are skipped. */
  | {
      readonly type: 'touch_api_keys';
      readonly rows: readonly { readonly id: Id; readonly at: number }[];
    }
  | { readonly type: 'put_webhook_secrets'; readonly secrets: WebhookSecretsRecord }
  | { readonly type: 'delete_webhook_secrets'; readonly organization: Id }
  /** Moves the stored primary to secondary; `gone` when none is stored. */
  | {
      readonly type: 'rotate_webhook_secrets';
      readonly organization: Id;
      readonly primary: SealedText;
      readonly at: number;
    };

/** A secret at rest: AES-256-GCM under the key named `keyId`. */
export interface SealedText {
  readonly keyId: string;
  /** base64 */
  readonly nonce: string;
  /** base64, tag included */
  readonly ciphertext: string;
}

export type Verdict =
  | {
      readonly verdict: 'ok';
      readonly count?: number;
      /** Jobs that were left as they are, since something needs them still. */
      readonly left?: readonly Id[];
      /** The job that this one has replaced. */
      readonly replaced?: Id;
    }
  | {
      readonly verdict: 'duplicate';
      readonly jobId: Id;
      readonly state: JobState;
      readonly createdAt: number;
      /** The first job came with another fingerprint. */
      readonly mismatch: boolean;
      /** Null while the first job is live. */
      readonly expiresAt: number | null;
      /** How long the key stays taken after the first job's end, in milliseconds. */
      readonly windowMs: number;
      /** Attempts of the first job that were armed so far; 0 once it has ended. */
      readonly attempts: number;
      /** Whether the first job races, for the cloud dialect's `status`. */
      readonly racing: boolean;
    }
  | { readonly verdict: 'stale' }
  | { readonly verdict: 'gone' }
  /** The operation itself cannot be written (a row the engine refuses); its neighbours were. */
  | { readonly verdict: 'rejected'; readonly reason: string };
