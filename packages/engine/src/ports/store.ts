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
 * Batches may be given while others are under way. Of two that have to do with each other (the same job,
 * delivery or key, or an operation that is none of submit, advance, stage, settle and end of a delivery) the
 * one that came first is applied first, and seen by the other. Others may be applied, and become visible, in
 * any order. A submit for whose key a job stands that is moved on in another batch is told of that job as it
 * was before or as it is afterwards.
 *
 * @throws StoreFailedError when the batch could not be made durable. The caller must stop: what is
 * in memory is then ahead of what is on disk.
 */
export interface Store {
  commit(batch: readonly Operation[]): Promise<readonly Verdict[]>;
  /** Batches that the store may write at the same time; more wait. Default 1: each waits for those before. */
  readonly commitsAtOnce?: number;
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
