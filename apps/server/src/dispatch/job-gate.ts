import type { AuditRecord, Id, IdempotencyClaim, JobSpec, Verdict } from '@ezthrottle/engine';

/** A job that passed validation and admission, not yet on disk. */
export interface AdmittedJob {
  readonly id: Id;
  readonly organization: Id;
  readonly apiKey: Id;
  readonly spec: JobSpec;
  readonly idempotency: IdempotencyClaim;
  readonly createdAt: number;
}

export type CancelVerdict = 'cancelled' | 'already_ended' | 'unknown';

/** The way in for jobs: what the API calls. Everything resolves only when it is on disk. */
export interface JobGate {
  /** @param entry Goes into the audit log with the job, when it is a new one. */
  submit(job: AdmittedJob, entry?: AuditRecord): Promise<Verdict>;
  cancel(organization: Id, id: Id): Promise<CancelVerdict>;
}
