import { idempotencyKeyHash, restoredKey } from '../rows/stored-claim.ts';
import type { PruneOperation } from '@ezthrottle/engine';
import { JOB_STATE_CODES } from '../rows/codes.ts';
import type { Row, Statement } from './connection.ts';
import { boundedLimit } from '../rows/bounded-limit.ts';
import type { Erasing } from './erasing.ts';
import type { IdempotencyWrites } from './idempotency-writes.ts';
import type { JobCountChanges } from './job-counts.ts';
import { coded, integer, optionalText } from '../rows/row.ts';
import type { TagWrites } from './tag-writes.ts';
import type { WriteScope } from './write-scope.ts';

/** Removes what is past its time, the oldest first. */
export class PruneWrites {
  readonly #erasing: Erasing;
  readonly #counts: JobCountChanges;
  readonly #tags: TagWrites;
  readonly #idempotency: IdempotencyWrites;
  readonly #selectJobs: Statement;
  readonly #deletions: readonly Statement[];

  constructor(
    { connection, counts, erasing }: WriteScope,
    tags: TagWrites,
    idempotency: IdempotencyWrites,
  ) {
    this.#erasing = erasing;
    this.#counts = counts;
    this.#tags = tags;
    this.#idempotency = idempotency;
    this.#selectJobs = connection.prepare(SELECT_PRUNABLE_JOBS);
    // An ended job has no run and no work.
    this.#deletions = [
      'DELETE FROM attempts WHERE id BETWEEN ?1 * 1048576 AND ?1 * 1048576 + 1048575',
      'DELETE FROM delivery_attempts WHERE delivery BETWEEN ?1 * 4096 AND ?1 * 4096 + 4095',
      'DELETE FROM deliveries WHERE id BETWEEN ?1 * 4096 AND ?1 * 4096 + 4095',
      'DELETE FROM job_payloads WHERE job = ?1',
      'DELETE FROM jobs WHERE id = ?1',
    ].map((sql) => connection.prepare(sql));
  }

  /** How many jobs went. */
  prune({ now, jobsEndedBefore, limit }: PruneOperation): number {
    const rows = this.#selectJobs.all(jobsEndedBefore, now, boundedLimit(limit));
    for (const row of rows) this.remove(row);
    if (rows.length > 0) this.#erasing.done();
    return rows.length;
  }

  /** An ended job with all that hangs on it. */
  remove(row: Row): void {
    const job = integer(row, 'id');
    const state = coded(row, 'state', JOB_STATE_CODES);
    if (integer(row, 'is_tagged') === 1) this.#tags.remove(job, state);
    const key = restoredKey(optionalText(row, 'idempotent_key'), row['fingerprint']);
    const scope = optionalText(row, 'scope') ?? '';
    this.#idempotency.remove(job, integer(row, 'organization'), idempotencyKeyHash(key), scope);
    for (const deletion of this.#deletions) deletion.run(job);
    this.#counts.add(state, -1);
  }
}

// A job whose key may still be taken stays, since a repeat is answered with it.
export const SELECT_PRUNABLE_JOBS = `SELECT id, state, organization, idempotent_key, fingerprint, scope,
    tags IS NOT NULL AS is_tagged
  FROM jobs
  WHERE ended_at < ? AND ended_at + window_ms <= ? AND NOT EXISTS (
    SELECT 1 FROM deliveries
    WHERE deliveries.id BETWEEN jobs.id * 4096 AND jobs.id * 4096 + 4095 AND deliveries.state = 0)
  ORDER BY ended_at LIMIT ?`;
