import type { JobState } from '@ezthrottle/core/protocol';
import { JOB_STATE_CODES } from '../rows/codes.ts';
import type { Statement } from './connection.ts';
import type { WriteScope } from './write-scope.ts';

/** The rows by which lists find a job under its tags. */
export class TagWrites {
  readonly #insert: Statement;
  readonly #move: Statement;
  readonly #remove: Statement;

  constructor({ connection }: WriteScope) {
    this.#insert = connection.prepare(
      `INSERT INTO tags (organization, tag, state, created_at, public_id, job)
       SELECT jobs.organization, json_each.value, jobs.state, jobs.created_at, jobs.public_id, jobs.id
       FROM jobs, json_each(jobs.tags) WHERE jobs.id = ?
       ON CONFLICT DO NOTHING`,
    );
    const ofJob = `(organization, tag, state, created_at, public_id) IN (
      SELECT jobs.organization, json_each.value, ?, jobs.created_at, jobs.public_id
      FROM jobs, json_each(jobs.tags) WHERE jobs.id = ?)`;
    this.#move = connection.prepare(`UPDATE tags SET state = ? WHERE ${ofJob}`);
    this.#remove = connection.prepare(`DELETE FROM tags WHERE ${ofJob}`);
  }

  insert(job: number): void {
    this.#insert.run(job);
  }

  move(job: number, from: JobState, to: JobState): void {
    this.#move.run(JOB_STATE_CODES.codeOf(to), JOB_STATE_CODES.codeOf(from), job);
  }

  remove(job: number, state: JobState): void {
    this.#remove.run(JOB_STATE_CODES.codeOf(state), job);
  }
}
