import { JOB_STATES } from '@ezthrottle/core/protocol';
import type { PruneOperation } from '@ezthrottle/engine';
import type { Statement } from './connection.ts';
import { boundedLimit } from './bounded-limit.ts';
import type { JobCountChanges } from './job-counts.ts';
import { integer, word } from './row.ts';
import type { TagWrites } from './tag-writes.ts';
import type { WriteScope } from './write-scope.ts';

/** Removes what is past its time, the oldest first. */
export class PruneWrites {
  readonly #counts: JobCountChanges;
  readonly #selectJobs: Statement;
  readonly #tags: TagWrites;
  readonly #deleteJob: Statement;

  constructor({ connection, counts }: WriteScope, tags: TagWrites) {
    this.#counts = counts;
    this.#selectJobs = connection.prepare(SELECT_PRUNABLE_JOBS);
    this.#tags = tags;
    // What hangs on the job goes by its foreign keys, its idempotency key too.
    this.#deleteJob = connection.prepare('DELETE FROM jobs WHERE id = ?');
  }

  /** How many jobs went. */
  prune({ now, jobsEndedBefore, limit }: PruneOperation): number {
    const jobs = this.#selectJobs.all(jobsEndedBefore, now, boundedLimit(limit));
    for (const row of jobs) {
      const job = integer(row, 'id');
      const state = word(row, 'state', JOB_STATES);
      this.#tags.remove(job, state);
      this.#deleteJob.run(job);
      this.#counts.add(state, -1);
    }
    return jobs.length;
  }
}

// A job whose key is still taken stays, since a repeat is answered with it.
export const SELECT_PRUNABLE_JOBS = `SELECT id, state FROM jobs
  WHERE ended_at < ? AND NOT EXISTS (
    SELECT 1 FROM deliveries WHERE deliveries.job = jobs.id AND deliveries.state = 'pending')
  AND NOT EXISTS (
    SELECT 1 FROM idempotency_keys
    WHERE idempotency_keys.job = jobs.id AND retired = 0 AND expires_at > ?)
  ORDER BY ended_at LIMIT ?`;
