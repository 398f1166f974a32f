import type { AdvanceOperation, JobEnd, NewDelivery, Verdict } from '@ezthrottle/engine';
import { type ArmedParts, changedArmed, restoredArmed, storedArmed } from '../rows/armed-parts.ts';
import type { AttemptWrites } from './attempt-writes.ts';
import { JOB_STATE_CODES } from '../rows/codes.ts';
import type { Row, Statement } from './connection.ts';
import { identifierBytes, requiredIdentifier } from '../rows/identifier.ts';
import type { JobCountChanges } from './job-counts.ts';
import type { JobWrites } from './job-writes.ts';
import { startOf } from '../rows/job-facts.ts';
import { coded, integer, optionalInteger, optionalText } from '../rows/row.ts';
import { storedRun } from '../rows/stored-run.ts';
import type { TagWrites } from './tag-writes.ts';
import type { WorkWrites } from './work-writes.ts';
import type { JobRowIds, WriteScope } from './write-scope.ts';

/** Moves jobs on and ends them. */
export class AdvanceWrites {
  readonly #counts: JobCountChanges;
  readonly #jobs: JobWrites;
  readonly #work: WorkWrites;
  readonly #attempts: AttemptWrites;
  readonly #tags: TagWrites;
  readonly #select: Statement;
  readonly #updateRun: Statement;
  readonly #updateJob: Statement;
  readonly #deleteRun: Statement;
  readonly #endJob: Statement;
  readonly #insertDelivery: Statement;

  constructor(
    { connection, counts }: WriteScope,
    jobs: JobWrites,
    work: WorkWrites,
    attempts: AttemptWrites,
    tags: TagWrites,
  ) {
    this.#counts = counts;
    this.#jobs = jobs;
    this.#work = work;
    this.#attempts = attempts;
    this.#tags = tags;
    this.#select = connection.prepare(
      `SELECT jobs.id, jobs.organization, jobs.account, jobs.state, jobs.created_at,
              jobs.started_at, jobs.tags IS NOT NULL AS is_tagged, runs.version, runs.attempts,
              runs.armed
       FROM jobs JOIN runs ON runs.job = jobs.id WHERE jobs.public_id = ?`,
    );
    this.#updateRun = connection.prepare(
      `UPDATE runs SET version = version + 1, wake_at = ?, attempts = ?, armed = ?, data = ?
       WHERE job = ?`,
    );
    this.#updateJob = connection.prepare('UPDATE jobs SET state = ?, started_at = ? WHERE id = ?');
    this.#deleteRun = connection.prepare('DELETE FROM runs WHERE job = ?');
    this.#endJob = connection.prepare(
      `UPDATE jobs SET state = ?, started_at = coalesce(started_at, ?), ended_at = ?, end_json = ?
       WHERE id = ? AND ended_at IS NULL`,
    );
    this.#insertDelivery = connection.prepare(
      `INSERT INTO deliveries (id, public_id, endpoint_id, url, state, has_quorum_vote,
         receives_continuation, next_attempt_at, created_at)
       VALUES (? * 4096 + ?, ?, ?, ?, 0, ?, ?, ?, ?)
       ON CONFLICT (id) DO NOTHING`,
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

    const before = restoredArmed(optionalText(row, 'armed'));
    const after = changedArmed(before, integer(row, 'attempts'), operation);
    this.#attempts.end(rows.job, operation.ended, [...before.attempts, ...operation.armed]);
    if (operation.end === null) this.#moveOn(rows, row, operation, after);
    else this.#end(rows.job, row, operation, operation.end);
    for (const child of operation.children) this.#jobs.spawn(child);
    for (const delivery of operation.deliveries) {
      this.#insert(rows.job, delivery, operation.end?.at ?? delivery.nextAttemptAt);
    }
    return { verdict: 'ok' };
  }

  #moveOn(
    rows: JobRowIds,
    stored: Row,
    { run, wakeAt, removeWork, putWork }: AdvanceOperation,
    armed: ArmedParts & { readonly given: number },
  ): void {
    const data = storedRun(run, integer(stored, 'created_at'));
    this.#updateRun.run(wakeAt, armed.given, storedArmed(armed), data, rows.job);
    // The row of the job is left alone while nothing that lists show has changed.
    const state = coded(stored, 'state', JOB_STATE_CODES);
    const startedAt = optionalInteger(stored, 'started_at') ?? startOf(run);
    if (run.state !== state || startedAt !== optionalInteger(stored, 'started_at')) {
      this.#updateJob.run(JOB_STATE_CODES.codeOf(run.state), startedAt, rows.job);
    }
    if (run.state !== state) {
      this.#counts.move(state, run.state);
      if (integer(stored, 'is_tagged') === 1) this.#tags.move(rows.job, state, run.state);
    }
    this.#work.remove(rows.job, removeWork);
    this.#work.put(rows, putWork);
  }

  #end(job: number, stored: Row, operation: AdvanceOperation, end: JobEnd): void {
    const state = coded(stored, 'state', JOB_STATE_CODES);
    this.#deleteRun.run(job);
    this.#work.removeAll(job);
    this.#endJob.run(
      JOB_STATE_CODES.codeOf(end.state),
      startOf(operation.run),
      end.at,
      JSON.stringify(end),
      job,
    );
    this.#counts.move(state, end.state);
    if (integer(stored, 'is_tagged') === 1) this.#tags.move(job, state, end.state);
  }

  #insert(job: number, delivery: NewDelivery, createdAt: number): void {
    this.#insertDelivery.run(
      job,
      delivery.webhook,
      requiredIdentifier(delivery.id, 'deliveries.id'),
      delivery.endpointId,
      delivery.url,
      delivery.hasQuorumVote ? 1 : 0,
      delivery.receivesContinuation ? 1 : 0,
      delivery.nextAttemptAt,
      createdAt,
    );
  }
}
