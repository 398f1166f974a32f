import type { NewJob, RunState, Verdict } from '@ezthrottle/engine';
import type { AttemptWrites } from './attempt-writes.ts';
import type { Statement } from './connection.ts';
import { identifierBytes } from './identifier.ts';
import {
  type HashedClaim,
  type IdempotencyWrites,
  type KeyHolder,
  idempotencyKeyHash,
} from './idempotency-writes.ts';
import type { Interned } from './interned.ts';
import type { JobCountChanges } from './job-counts.ts';
import { Rejection } from './rejection.ts';
import type { TagWrites } from './tag-writes.ts';
import type { WorkWrites } from './work-writes.ts';
import type { WriteScope } from './write-scope.ts';

/** Takes jobs in: those that are submitted, and children. */
export class JobWrites {
  readonly #interned: Interned;
  readonly #counts: JobCountChanges;
  readonly #work: WorkWrites;
  readonly #attempts: AttemptWrites;
  readonly #idempotency: IdempotencyWrites;
  readonly #tags: TagWrites;
  readonly #insertJob: Statement;
  readonly #insertPayload: Statement;
  readonly #insertRun: Statement;

  constructor(
    { connection, interned, counts }: WriteScope,
    work: WorkWrites,
    attempts: AttemptWrites,
    idempotency: IdempotencyWrites,
    tags: TagWrites,
  ) {
    this.#interned = interned;
    this.#counts = counts;
    this.#work = work;
    this.#attempts = attempts;
    this.#idempotency = idempotency;
    this.#tags = tags;
    this.#insertJob = connection.prepare(
      `INSERT INTO jobs (public_id, organization, account, state, created_at, started_at, method, url,
         tags, racing, idempotent_key, parent, edge, quorum_needed)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (public_id) DO NOTHING`,
    );
    this.#insertPayload = connection.prepare(
      'INSERT INTO job_payloads (job, plan_version, spec) VALUES (?, ?, ?)',
    );
    this.#insertRun = connection.prepare(
      'INSERT INTO runs (job, version, wake_at, data) VALUES (?, 1, ?, ?)',
    );
  }

  submit(job: NewJob): Verdict {
    const claim = this.#claimOf(job);
    const holder = this.#idempotency.holderOf(claim);
    if (holder.state === 'taken') return holder.duplicate;
    if (!this.#insert(job, claim, holder)) throw new Rejection('id: another job has it already');
    return { verdict: 'ok' };
  }

  /** A child that exists already is left alone. One whose key is held by another job goes without. */
  spawn(job: NewJob): void {
    const claim = this.#claimOf(job);
    this.#insert(job, claim, this.#idempotency.holderOf(claim));
  }

  #claimOf(job: NewJob): HashedClaim {
    return {
      organization: this.#interned.organization(job.organization),
      keyHash: idempotencyKeyHash(job.idempotency.key),
      claim: job.idempotency,
      at: job.createdAt,
    };
  }

  #insert(job: NewJob, claim: HashedClaim, holder: KeyHolder): boolean {
    const { organization } = claim;
    const account = this.#interned.account(organization, job.apiKey, job.spec.userId);
    const publicId = requiredIdentifier(job.id, 'id');
    const [primary] = job.spec.paths;
    const isRacing = primary.executionMode === 'race' && primary.regions.length > 1;
    const inserted = this.#insertJob.run(
      publicId,
      organization,
      account,
      job.run.state,
      job.createdAt,
      startOf(job.run),
      primary.method,
      primary.url,
      JSON.stringify(job.spec.tags),
      isRacing ? 1 : 0,
      job.idempotency.key,
      job.parent === null ? null : requiredIdentifier(job.parent.id, 'parent.id'),
      job.parent === null ? null : job.parent.edge,
      job.spec.webhookQuorum,
    );
    if (inserted.changes === 0) return false;

    const row = inserted.rowId;
    this.#insertPayload.run(row, job.spec.planVersion, JSON.stringify(job.spec));
    this.#insertRun.run(row, job.wakeAt, JSON.stringify(job.run));
    this.#idempotency.record(row, claim, holder);
    this.#work.put({ job: row, organization, account }, job.work);
    this.#attempts.arm(row, job.armed);
    if (job.spec.tags.length > 0) this.#tags.insert(row);
    this.#counts.add(job.run.state, 1);
    return true;
  }
}

/** When the first attempt went out, as far as the run knows. */
export function startOf(run: RunState): number | null {
  let earliest: number | null = null;
  for (const path of run.paths) {
    if (path.state === 'idle' || path.startedAt === null) continue;
    if (earliest === null || path.startedAt < earliest) earliest = path.startedAt;
  }
  return earliest;
}

export function requiredIdentifier(id: string, path: string): Uint8Array {
  const bytes = identifierBytes(id);
  if (bytes === null) throw new Rejection(`${path}: expected a UUID in lower case with dashes`);
  return bytes;
}
