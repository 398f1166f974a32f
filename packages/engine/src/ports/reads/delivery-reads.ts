import type { Id } from '../operation.ts';
import type { DeliveryRecord, EndpointRecord } from '../records.ts';

/** Where a delivery stands in the order of `due`. */
export interface DueDelivery {
  readonly id: Id;
  readonly nextAttemptAt: number;
}

/** Where `slots` may be given it is as with `WorkReads`: those of the endpoints' origins. */
export interface DeliveryReads {
  /**
   * Pending deliveries that are due, the longest overdue first.
   *
   * @param after Only those that come after this one; null or absent: from the first.
   */
  due(
    now: number,
    limit: number,
    after?: DueDelivery | null,
    slots?: readonly number[],
  ): Promise<readonly DeliveryRecord[]>;
  /**
   * When the next pending delivery becomes due; null when there is none.
   *
   * @param after Only those that become due later than this moment; absent: all.
   */
  nextDueAt(after?: number, slots?: readonly number[]): Promise<number | null>;
  /** Endpoints that were disabled at some time, those that still are first; one, or at most `limit`. */
  endpoints(
    organization: Id,
    limit: number,
    endpointId?: string | null,
  ): Promise<readonly EndpointRecord[]>;
  /** Those of everybody that are disabled; some of them, where there are more than `limit`. */
  disabledEndpoints(limit: number): Promise<readonly EndpointRecord[]>;
}
