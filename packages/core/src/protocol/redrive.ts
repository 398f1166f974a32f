import type { DeadLetterFilter, JobEdit } from './dead-letter.ts';

export const REDRIVE_BOUNDS = {
  /** That run at the same time in one organization. */
  active: 10,
  /** Sent, at most; and so many that are passed over are listed, the rest only counted. */
  items: 100_000,
  rate: 1_000,
  canary: 1_000,
  /** Sent without a known outcome, at most. */
  outstanding: 1_000,
} as const;

export const REDRIVE_DEFAULTS = {
  items: 10_000,
  rate: 10,
  canary: 20,
  maxFailurePercent: 10,
} as const;

/** Sends many dead letters again, the oldest first. */
export interface RedriveRequest {
  /** Default `jobs`. */
  readonly of?: 'jobs' | 'deliveries';
  readonly filter?: DeadLetterFilter;
  /** Why: noted in the audit log. */
  readonly reason: string;
  /** Only tell how many there are. Default false. */
  readonly dry_run?: boolean;
  /** Per second. Default 10. Every limit holds besides: what is sent again waits in line as everything. */
  readonly rate?: number;
  /** So many are sent first, and have to end before the rest follows; 0: none. Default 20. */
  readonly canary?: number;
  /** Ends the redrive by itself when more of those that ended of late have failed. Default 10. */
  readonly max_failure_percent?: number;
  /** So many are sent at most; what is passed over does not count. Default 10,000. */
  readonly max_items?: number;
  /** For each of the new jobs; not for deliveries. */
  readonly edit?: JobEdit;
}

/**
 * Why a redrive passes a dead letter over: it was sent again before, what it sent is not kept any more, it may not
 * start any more, its limits or secrets cannot be used, its account is being deleted, its endpoint is disabled, or
 * it went away meanwhile.
 */
export type RedriveLeftOut =
  | 'already'
  | 'erased'
  | 'too_late'
  | 'limits_unusable'
  | 'secrets_unusable'
  | 'being_deleted'
  | 'endpoint_disabled'
  | 'gone';

export interface CancelRedriveRequest {
  /** Why; absent: the header `X-EZThrottle-Reason` says it. */
  readonly reason?: string;
}

/** What a dry run finds. */
export interface RedriveDryRun {
  readonly dry_run: true;
  readonly of: 'jobs' | 'deliveries';
  /** Dead letters that would be sent again, at most `max_items`. */
  readonly count: number;
  /** There are more than `max_items`. */
  readonly more: boolean;
  readonly by_reason: Readonly<Record<string, number>>;
  /** Those that fit the filter and would be passed over, by why. */
  readonly left_out: Readonly<Partial<Record<RedriveLeftOut, number>>>;
  /** The ten destinations with the most of them. */
  readonly by_destination: readonly { readonly destination: string; readonly count: number }[];
}

export const REDRIVE_STATES = ['canary', 'running', 'completed', 'stopped', 'cancelled'] as const;

/**
 * `canary`: the first ones are out; `running`: the rest follows. `completed`, `stopped` (too many failed)
 * and `cancelled` are final.
 */
export type RedriveState = (typeof REDRIVE_STATES)[number];

export const REDRIVE_OUTCOMES = [
  'sent',
  'succeeded',
  'failed',
  'cancelled',
  /** Somebody else has sent it again before. */
  'already',
  /** It may not start any more (`execute_before`), or its endpoint is disabled. */
  'unfit',
  /** It is not there any more. */
  'gone',
] as const;

export type RedriveOutcome = (typeof REDRIVE_OUTCOMES)[number];

export interface RedriveView {
  readonly redrive_id: string;
  readonly of: 'jobs' | 'deliveries';
  readonly state: RedriveState;
  readonly filter: DeadLetterFilter;
  readonly reason: string;
  readonly actor: string | null;
  readonly rate: number;
  readonly canary: number;
  readonly max_failure_percent: number;
  readonly max_items: number;
  /** By outcome; `sent` are those that have not ended yet. */
  readonly counts: Readonly<Record<RedriveOutcome, number>>;
  /** Of those that ended of late, in percent; null: none has ended. */
  readonly failure_percent: number | null;
  readonly created_at: number;
  readonly ended_at: number | null;
  /** Answer to a start: the redrive of this Idempotency-Key runs, or ran, already. */
  readonly duplicate?: true;
  /** And another one was asked for with it. */
  readonly mismatch?: true;
}

export interface RedrivePage {
  readonly redrives: readonly RedriveView[];
  readonly next_cursor: string | null;
}

export interface RedriveItemView {
  /** From 1, in the order in which it came to them. Of what it passes over, the first 100,000 are listed. */
  readonly number: number;
  /** The dead job or delivery. */
  readonly source_id: string;
  /** The new job; of a delivery its own id. */
  readonly result_id: string | null;
  readonly outcome: RedriveOutcome;
}

export interface RedriveItemPage {
  readonly items: readonly RedriveItemView[];
  readonly next_cursor: string | null;
}
