import type { JobState } from '@ezthrottle/core/protocol';
import type { Id } from '../operation.ts';
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

export interface JobReads {
  /** Null when unknown or of another organization. */
  get(organization: Id, id: Id): Promise<JobRecord | null>;
  /** Without regard to organization: for the engine itself. Jobs that ended are left out. */
  live(ids: readonly Id[]): Promise<readonly LiveJob[]>;
  list(query: JobListQuery): Promise<readonly JobSummary[]>;
  attempts(id: Id): Promise<readonly AttemptRecord[]>;
  responses(id: Id, attempts: readonly number[]): Promise<readonly ResultResponse[]>;
  deliveries(id: Id): Promise<readonly DeliveryRecord[]>;
  children(id: Id): Promise<readonly { readonly id: Id; readonly edge: string }[]>;
  counts(): Promise<Readonly<Record<JobState, number>>>;
}
