import type {
  AdvanceOperation,
  NewDelivery,
  NewJob,
  ReplaceOperation,
  StageOperation,
  Verdict,
} from '@ezthrottle/engine';
import { checkAdvance, checkNewJob } from './check-rows.ts';
import { heldKey, type JobTables, keyOf } from './job-tables.ts';
import { Rejection } from './store-errors.ts';
import { newStoredJob, startOf, type StoredDelivery, type StoredJob } from './stored-job.ts';
import type { TenancyTables } from './tenancy-tables.ts';

const OK: Verdict = { verdict: 'ok' };

/** Takes jobs in, moves them on and ends them. Everything is checked before anything is changed. */
export class JobWrites {
  readonly #tables: JobTables;
  readonly #tenancy: TenancyTables;

  constructor(tables: JobTables, tenancy: TenancyTables) {
    this.#tables = tables;
    this.#tenancy = tenancy;
  }

  submit(job: NewJob): Verdict {
    this.#check(job);
    const duplicate = this.#holderOf(job);
    if (duplicate !== null) return duplicate;
    if (this.#tables.byId.has(job.id)) throw new Rejection('id: another job has it already');
    this.#insert(job, true);
    return OK;
  }

  replace({ job, ending }: ReplaceOperation): Verdict {
    this.#check(job);
    const held = heldKey(this.#tables, job.organization, job.idempotency, job.createdAt);
    if (held?.jobId !== ending.jobId) return { verdict: 'stale' };
    if (this.#tables.byId.has(job.id)) throw new Rejection('id: another job has it already');
    const ended = this.advance(ending);
    if (ended.verdict !== 'ok') return ended;
    const stored = this.#tables.byId.get(ending.jobId);
    if (stored !== undefined) stored.keyWindowMs = 0;
    this.#insert(job, true);
    return { verdict: 'ok', replaced: ending.jobId };
  }

  advance(operation: AdvanceOperation): Verdict {
    const stored = this.#tables.byId.get(operation.jobId);
    if (stored === undefined || stored.end !== null) return { verdict: 'gone' };
    if (stored.version !== operation.version) return { verdict: 'stale' };
    checkAdvance(stored, operation);
    for (const child of operation.children) this.#check(child);

    for (const armed of operation.armed) stored.attempts.set(armed.attempt, { armed, ended: null });
    for (const ended of operation.ended) {
      const attempt = stored.attempts.get(ended.attempt);
      if (attempt !== undefined) attempt.ended = ended;
    }
    stored.version += 1;
    stored.run = operation.run;
    stored.startedAt ??= startOf(operation.run);
    if (operation.end === null) this.#moveOn(stored, operation);
    else this.#end(stored, operation.end);
    for (const child of operation.children) this.#spawn(child);
    for (const delivery of operation.deliveries) {
      this.#deliver(stored, delivery, operation.end?.at ?? delivery.nextAttemptAt);
    }
    return OK;
  }

  stage({ rows }: StageOperation): Verdict {
    let count = 0;
    for (const { jobId, leg } of rows) {
      const owner = this.#tables.byId.get(jobId);
      const work = owner?.work.get(leg);
      if (owner === undefined || work?.state !== 'delayed') continue;
      this.#tables.putWork(owner, { ...work, state: 'ready' });
      count += 1;
    }
    return { verdict: 'ok', count };
  }

  #check(job: NewJob): void {
    this.#tenancy.require(job.organization, job.apiKey);
    checkNewJob(job);
  }

  #holderOf({ organization, idempotency, createdAt }: NewJob): Verdict | null {
    return heldKey(this.#tables, organization, idempotency, createdAt);
  }

  #insert(job: NewJob, takesKey: boolean): void {
    const stored = newStoredJob(job, this.#tables.nextArrival());
    this.#tables.insert(stored);
    if (!takesKey) return;
    const key = keyOf(job.organization, job.idempotency);
    this.#tables.keys.set(key, { owner: stored, expiresAt: null });
  }

  /** A child that exists already is left alone. One whose key is held by another job goes without. */
  #spawn(job: NewJob): void {
    if (this.#tables.byId.has(job.id)) return;
    this.#insert(job, this.#holderOf(job) === null);
  }

  #moveOn(stored: StoredJob, { run, wakeAt, removeWork, putWork }: AdvanceOperation): void {
    stored.state = run.state;
    this.#tables.setWake(stored, wakeAt);
    for (const leg of removeWork) this.#tables.removeWork(stored, leg);
    for (const work of putWork) this.#tables.putWork(stored, work);
  }

  #end(stored: StoredJob, end: NonNullable<AdvanceOperation['end']>): void {
    const { job } = stored;
    stored.state = end.state;
    stored.end = end;
    this.#tables.setWake(stored, null);
    for (const leg of stored.work.keys()) this.#tables.removeWork(stored, leg);
    this.#tables.ended.add(stored);
    const holder = this.#tables.keys.get(keyOf(job.organization, job.idempotency));
    if (holder?.owner === stored) holder.expiresAt = end.at + job.idempotency.windowMs;
  }

  #deliver(owner: StoredJob, delivery: NewDelivery, createdAt: number): void {
    if (this.#tables.deliveries.has(delivery.id)) return;
    const stored: StoredDelivery = {
      owner,
      attempts: [],
      record: {
        ...delivery,
        jobId: owner.job.id,
        organization: owner.job.organization,
        state: 'pending' as const,
        attempts: 0,
        statusCode: null,
        error: null,
        deadReason: null,
        createdAt,
      },
    };
    owner.deliveries.push(stored);
    this.#tables.putDelivery(stored);
  }
}
