import type { AuditReads } from './reads/audit-reads.ts';
import type { DeadLetterReads } from './reads/dead-letter-reads.ts';
import type { RedriveReads } from './reads/redrive-reads.ts';
import type { JobReads } from './reads/job-reads.ts';
import type { DeliveryReads } from './reads/delivery-reads.ts';
import type { PrivacyReads } from './reads/privacy-reads.ts';
import type { LimitReads } from './reads/limit-reads.ts';
import type { TenancyReads } from './reads/tenancy-reads.ts';
import type { WorkReads } from './reads/work-reads.ts';
import type { Operation, Verdict } from './operation.ts';

/**
 * Durable state. One write verb, batch-first: `commit` resolves when the batch is on disk, with one
 * verdict per operation in the same order. Operations of a batch are applied in order and see each
 * other. An operation that is refused changes nothing and does not disturb its neighbours.
 *
 * @throws StoreFailedError when the batch could not be made durable. The caller must stop: what is
 * in memory is then ahead of what is on disk.
 */
export interface Store {
  commit(batch: readonly Operation[]): Promise<readonly Verdict[]>;
  readonly jobs: JobReads;
  readonly work: WorkReads;
  readonly deliveries: DeliveryReads;
  readonly tenancy: TenancyReads;
  readonly limits: LimitReads;
  readonly privacy: PrivacyReads;
  readonly audit: AuditReads;
  readonly deadLetters: DeadLetterReads;
  readonly redrives: RedriveReads;
  /** Bytes that are stored, without room that is free to be used again. */
  bytes(): Promise<number>;
  /** Waits for the commits under way and closes the files. Closing twice is fine. */
  close(): Promise<void>;
}
