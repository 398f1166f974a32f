import type { Id, NewJob, Verdict } from '@ezthrottle/engine';
import { changedArmed, storedArmed } from '../rows/armed-parts.ts';
import { JOB_STATE_CODES } from '../rows/codes.ts';
import type { Connection, Statement } from './connection.ts';
import { requiredIdentifier } from '../rows/identifier.ts';
import type { HashedClaim, IdempotencyWrites } from './idempotency-writes.ts';
import type { Interned } from './interned.ts';
import type { JobCountChanges } from './job-counts.ts';
import { integer } from '../rows/row.ts';
import {
  idempotencyKeyHash,
  scopeColumn,
  storedFingerprint,
  storedKey,
} from '../rows/stored-claim.ts';
import { isRacing, startOf } from '../rows/job-facts.ts';
import { storedRun } from '../rows/stored-run.ts';
import { storedSpec } from '../rows/stored-spec.ts';
import type { TagWrites } from './tag-writes.ts';
import type { WorkWrites } from './work-writes.ts';
import type { WriteScope } from './write-scope.ts';

/** Takes jobs in: those that are submitted, and children. */
export class JobWrites {
  readonly #interned: Interned;
  readonly #counts: JobCountChanges;
  readonly #work: WorkWrites;
  readonly #idempotency: IdempotencyWrites;
  readonly #tags: TagWrites;
  readonly #rows: JobRows;
  readonly #find: Statement;
  readonly #insertJob: Statement;
  readonly #insertPayload: Statement;
  readonly #insertRun: Statement;

  constructor(
    { connection, interned, counts }: WriteScope,
    work: WorkWrites,
    idempotency: IdempotencyWrites,
    tags: TagWrites,
  ) {
    this.#interned = interned;
    this.#counts = counts;
    this.#work = work;
    this.#idempotency = idempotency;
    this.#tags = tags;
    this.#rows = new JobRows(connection);
    this.#find = connection.prepare('SELECT 1 FROM jobs WHERE public_id = ?');
    this.#insertJob = connection.prepare(
      `INSERT INTO jobs (id, public_id, organization, account, state, created_at, tags, racing,
         quorum_needed, window_ms, fingerprint, idempotent_key, scope, parent, edge, started_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#insertPayload = connection.prepare(
      'INSERT INTO job_payloads (job, plan_version, method, url, spec, body) VALUES (?, ?, ?, ?, ?, ?)',
    );
    this.#insertRun = connection.prepare(
      'INSERT INTO runs (job, version, wake_at, attempts, armed, data) VALUES (?, 1, ?, ?, ?, ?)',
    );
  }

  submit(job: NewJob): Verdict {
    const claim = this.#claimOf(job);
    const row = this.#rows.next();
    const duplicate = this.#idempotency.take(row, claim);
    if (duplicate !== null) return duplicate;
    this.#insert(row, job, claim, job.idempotency.windowMs);
    return { verdict: 'ok' };
  }

  /**
   * Takes a job in under a key that another one holds and gives up now.
   *
   * @param end Ends the holder.
   */
  replace(job: NewJob, holder: Id, end: () => Verdict): Verdict {
    const claim = this.#claimOf(job);
    const held = this.#idempotency.holderOf(claim);
    if (held?.verdict !== 'duplicate' || held.jobId !== holder) return { verdict: 'stale' };
    const ended = end();
    if (ended.verdict !== 'ok') return ended;
    const row = this.#rows.next();
    this.#idempotency.takeOver(row, claim);
    this.#insert(row, job, claim, job.idempotency.windowMs);
    return { verdict: 'ok', replaced: holder };
  }

  /** A child that exists already is left alone. One whose key is held by another job goes without. */
  spawn(job: NewJob): void {
    if (this.#find.get(requiredIdentifier(job.id, 'id')) !== undefined) return;
    const claim = this.#claimOf(job);
    const row = this.#rows.next();
    const isHolder = this.#idempotency.take(row, claim) === null;
    if (!isHolder) this.#idempotency.record(row, claim);
    // Without the key there is nothing to keep for a window.
    this.#insert(row, job, claim, isHolder ? job.idempotency.windowMs : 0);
  }

  #claimOf(job: NewJob): HashedClaim {
    return {
      organization: this.#interned.organization(job.organization),
      keyHash: idempotencyKeyHash(job.idempotency.key),
      claim: job.idempotency,
      at: job.createdAt,
    };
  }

  #insert(row: number, job: NewJob, { organization }: HashedClaim, windowMs: number): void {
    const account = this.#interned.account(organization, job.apiKey, job.spec.userId);
    const { spec, idempotency, parent } = job;
    this.#insertJob.run(
      row,
      requiredIdentifier(job.id, 'id'),
      organization,
      account,
      JOB_STATE_CODES.codeOf(job.run.state),
      job.createdAt,
      spec.tags.length === 0 ? null : JSON.stringify(spec.tags),
      isRacing(spec) ? 1 : 0,
      spec.webhookQuorum,
      windowMs,
      storedFingerprint(idempotency.fingerprint),
      storedKey(idempotency),
      scopeColumn(idempotency.scope),
      parent === null ? null : requiredIdentifier(parent.id, 'parent.id'),
      parent === null ? null : parent.edge,
      startOf(job.run),
    );
    const { method, url, spec: stored, body } = storedSpec(spec);
    this.#insertPayload.run(row, spec.planVersion, method, url, stored, body);
    this.#insertRunOf(row, job);
    this.#work.insert({ job: row, organization, account }, job.work);
    if (spec.tags.length > 0) this.#tags.insert(row);
    this.#counts.add(job.run.state, 1);
  }

  #insertRunOf(row: number, { run, work, armed, wakeAt, createdAt }: NewJob): void {
    const isArmed = armed.length > 0 || work.some(({ state }) => state === 'armed');
    const change = { putWork: work, removeWork: [], armed, ended: [] };
    const parts = isArmed ? changedArmed({ legs: [], attempts: [] }, 0, change) : null;
    const given = parts?.given ?? 0;
    const stored = parts === null ? null : storedArmed(parts);
    this.#insertRun.run(row, wakeAt, given, stored, storedRun(run, createdAt));
  }
}

/** Numbers for new rows of jobs, known before the row is written. */
class JobRows {
  readonly #select: Statement;
  #last: number | null = null;

  constructor(connection: Connection) {
    this.#select = connection.prepare('SELECT coalesce(max(id), 0) AS id FROM jobs');
  }

  /** One that no job has; after a rollback, or for a duplicate, it stays unused. */
  next(): number {
    if (this.#last === null) {
      const row = this.#select.get();
      this.#last = row === undefined ? 0 : integer(row, 'id');
    }
    this.#last += 1;
    return this.#last;
  }
}
