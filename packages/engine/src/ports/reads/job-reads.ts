import type { JobState } from '@ezthrottle/core/protocol';
import type { Id, IdempotencyClaim, Verdict } from '../operation.ts';
import type {
  AttemptRecord,
  DeliveryRecord,
  JobRecord,
  JobSummary,
  LiveJob,
  ResultResponse,
} from '../records.ts';

export interface JobListQuery {
  readonly organization: Id;
  readonly states: readonly JobState[] | null;
  readonly tag: string | null;
  readonly idempotentKey: string | null;
  /** Return jobs older than this one, newest first; null: from the newest. */
  readonly before: { readonly createdAt: number; readonly id: Id } | null;
  readonly limit: number;
}

/** Unfinished jobs of one account. */
export interface AccountJobs {
  readonly organization: Id;
  readonly apiKey: Id;
  readonly userId: string;
  readonly jobs: number;
}

/** Who holds an idempotency key. */
export type HeldKey = Extract<Verdict, { readonly verdict: 'duplicate' }>;

export interface JobReads {
  /** Null when unknown or of another organization. */
  get(organization: Id, id: Id): Promise<JobRecord | null>;
  /** Without regard to organization: for the engine itself. Jobs that ended are left out. */
  live(ids: readonly Id[]): Promise<readonly LiveJob[]>;
  /**
   * What a submit with this claim would be told now, without writing anything; null: the key is free.
   *
   * @param now Milliseconds since the epoch.
   */
  holder(organization: Id, claim: IdempotencyClaim, now: number): Promise<HeldKey | null>;
  list(query: JobListQuery): Promise<readonly JobSummary[]>;
  attempts(id: Id): Promise<readonly AttemptRecord[]>;
  responses(id: Id, attempts: readonly number[]): Promise<readonly ResultResponse[]>;
  deliveries(id: Id): Promise<readonly DeliveryRecord[]>;
  children(id: Id): Promise<readonly { readonly id: Id; readonly edge: string }[]>;
  /** How many unfinished jobs each account has, in no order. Reads all of them: for a start. */
  liveByAccount(): Promise<readonly AccountJobs[]>;
  counts(): Promise<Readonly<Record<JobState, number>>>;
}
