import { JOB_STATES } from '@ezthrottle/core/protocol';
import type { AdvanceOperation, JobEnd, NewDelivery, Verdict } from '@ezthrottle/engine';
import type { AttemptWrites } from './attempt-writes.ts';
import type { Row, Statement } from './connection.ts';
import { identifierBytes } from './identifier.ts';
import type { IdempotencyWrites } from './idempotency-writes.ts';
import type { JobCountChanges } from './job-counts.ts';
import { type JobWrites, requiredIdentifier, startOf } from './job-writes.ts';
import { flag, integer, optionalInteger, word } from './row.ts';
import type { TagWrites } from './tag-writes.ts';
import type { WorkWrites } from './work-writes.ts';
import type { JobRowIds, WriteScope } from './write-scope.ts';

/** Moves jobs on and ends them. */
export class AdvanceWrites {
  readonly #counts: JobCountChanges;
  readonly #jobs: JobWrites;
  readonly #work: WorkWrites;
  readonly #attempts: AttemptWrites;
  readonly #idempotency: IdempotencyWrites;
  readonly #tags: TagWrites;
  readonly #select: Statement;
  readonly #updateRun: Statement;
  readonly #updateState: Statement;
  readonly #setStart: Statement;
  readonly #deleteRun: Statement;
  readonly #endJob: Statement;
  readonly #insertDelivery: Statement;

  constructor(
    { connection, counts }: WriteScope,
    jobs: JobWrites,
    work: WorkWrites,
    attempts: AttemptWrites,
    idempotency: IdempotencyWrites,
    tags: TagWrites,
  ) {
    this.#counts = counts;
    this.#jobs = jobs;
    this.#work = work;
    this.#attempts = attempts;
    this.#idempotency = idempotency;
    this.#tags = tags;
    this.#select = connection.prepare(
      `SELECT jobs.id, jobs.organization, jobs.account, jobs.state, jobs.started_at,
              jobs.tags <> '[]' AS is_tagged, runs.version
       FROM jobs JOIN runs ON runs.job = jobs.id WHERE jobs.public_id = ?`,
    );
    this.#updateRun = connection.prepare(
      'UPDATE runs SET version = version + 1, wake_at = ?, data = ? WHERE job = ?',
    );
    this.#updateState = connection.prepare('UPDATE jobs SET state = ? WHERE id = ?');
    this.#setStart = connection.prepare('UPDATE jobs SET started_at = ? WHERE id = ?');
    this.#deleteRun = connection.prepare('DELETE FROM runs WHERE job = ?');
    this.#endJob = connection.prepare(
      `UPDATE jobs SET state = ?, started_at = coalesce(started_at, ?), ended_at = ?, end_json = ?
       WHERE id = ? AND ended_at IS NULL`,
    );
    this.#insertDelivery = connection.prepare(
      `INSERT INTO deliveries (public_id, job, webhook, endpoint_id, url, state, has_quorum_vote,
         receives_continuation, next_attempt_at, created_at)
       VALUES (?, ?, ?, ?, ?, 'pending', ?, ?, ?, ?)
       ON CONFLICT (public_id) DO NOTHING`,
    );
  }

  advance(operation: AdvanceOperation): Verdict {
    const id = identifierBytes(operation.jobId);
    const row = id === null ? undefined : this.#select.get(id);
    if (row === undefined) return { verdict: 'gone' };
    if (integer(row, 'version') !== operation.version) return { verdict: 'stale' };
    const rows: JobRowIds = {
      job: integer(row, 'id'),
      organization: integer(row, 'organization'),
      account: integer(row, 'account'),
    };

    this.#attempts.arm(rows.job, operation.armed);
    this.#attempts.end(rows.job, operation.ended);
    if (operation.end === null) this.#moveOn(rows, row, operation);
    else this.#end(rows.job, row, operation, operation.end);
    for (const child of operation.children) this.#jobs.spawn(child);
    for (const delivery of operation.deliveries) {
      this.#insert(rows.job, delivery, operation.end?.at ?? delivery.nextAttemptAt);
    }
    return { verdict: 'ok' };
  }

  #moveOn(rows: JobRowIds, stored: Row, operation: AdvanceOperation): void {
    const { run, wakeAt } = operation;
    this.#updateRun.run(wakeAt, JSON.stringify(run), rows.job);
    // The row of the job is left alone while nothing that lists show has changed.
    const state = word(stored, 'state', JOB_STATES);
    if (run.state !== state) {
      this.#updateState.run(run.state, rows.job);
      this.#counts.move(state, run.state);
      if (flag(stored, 'is_tagged')) this.#tags.move(rows.job, state, run.state);
    }
    const startedAt = startOf(run);
    if (startedAt !== null && optionalInteger(stored, 'started_at') === null) {
      this.#setStart.run(startedAt, rows.job);
    }
    this.#work.remove(rows.job, operation.removeWork);
    this.#work.put(rows, operation.putWork);
  }

  /** Deleting the run takes the job's work with it. */
  #end(job: number, stored: Row, operation: AdvanceOperation, end: JobEnd): void {
    const state = word(stored, 'state', JOB_STATES);
    this.#deleteRun.run(job);
    this.#endJob.run(end.state, startOf(operation.run), end.at, JSON.stringify(end), job);
    this.#counts.move(state, end.state);
    if (flag(stored, 'is_tagged')) this.#tags.move(job, state, end.state);
    this.#idempotency.startWindow(job, end.at);
  }

  #insert(job: number, delivery: NewDelivery, createdAt: number): void {
    this.#insertDelivery.run(
      requiredIdentifier(delivery.id, 'deliveries.id'),
      job,
      delivery.webhook,
      delivery.endpointId,
      delivery.url,
      delivery.hasQuorumVote ? 1 : 0,
      delivery.receivesContinuation ? 1 : 0,
      delivery.nextAttemptAt,
      createdAt,
    );
  }
}
