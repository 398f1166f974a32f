import type { DeliveryRecord } from '../records.ts';

export interface DeliveryReads {
  /** Pending deliveries that are due, the longest overdue first. */
  due(now: number, limit: number): Promise<readonly DeliveryRecord[]>;
  nextDueAt(): Promise<number | null>;
}
