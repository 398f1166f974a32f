import type { JobState } from '@ezthrottle/core/protocol';
import type { Id } from '../operation.ts';
import type { DeadDelivery, DeadJob, DeliveryAttemptRecord, DeliveryRecord } from '../records.ts';

export interface DeadLetterQuery {
  readonly organization: Id;
  /** Died at this moment or later; null: whenever. */
  readonly endedFrom: number | null;
  /** Died before this moment; null: whenever. */
  readonly endedBefore: number | null;
  readonly order: 'newest' | 'oldest';
  /** Go on behind this one; null: from the first. */
  readonly after: { readonly at: number; readonly id: Id } | null;
  readonly limit: number;
}

export interface DeadLetterReads {
  /** Jobs that failed, by the moment at which they ended. */
  jobs(query: DeadLetterQuery): Promise<readonly DeadJob[]>;
  /** One of them; null: it is none, or of others. */
  job(organization: Id, id: Id): Promise<DeadJob | null>;
  /** Where any job stands; null: unknown, or of others. */
  jobState(organization: Id, id: Id): Promise<JobState | null>;
  /** Deliveries that are dead, by `diedAt`. */
  deliveries(query: DeadLetterQuery): Promise<readonly DeadDelivery[]>;
  /** A delivery that is dead, pending, or was replayed; null: it is none of these, or of others. */
  delivery(organization: Id, id: Id): Promise<DeliveryRecord | null>;
  /** Attempts of such a delivery that have ended, the first one first. */
  deliveryAttempts(organization: Id, id: Id): Promise<readonly DeliveryAttemptRecord[]>;
}
