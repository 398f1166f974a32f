import type { NewWork, StageOperation } from '@ezthrottle/engine';
import type { Statement } from './connection.ts';
import { identifierBytes } from './identifier.ts';
import type { Interned } from './interned.ts';
import type { JobRowIds, WriteScope } from './write-scope.ts';

/** Legs in line. */
export class WorkWrites {
  readonly #interned: Interned;
  readonly #put: Statement;
  readonly #remove: Statement;
  readonly #stage: Statement;

  constructor({ connection, interned }: WriteScope) {
    this.#interned = interned;
    this.#put = connection.prepare(
      `INSERT INTO work (job, leg, destination, account, state, ready_at, rank)
       VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (job, leg) DO UPDATE SET destination = excluded.destination,
         state = excluded.state, ready_at = excluded.ready_at, rank = excluded.rank`,
    );
    this.#remove = connection.prepare('DELETE FROM work WHERE job = ? AND leg = ?');
    this.#stage = connection.prepare(
      `UPDATE work SET state = 'ready'
       WHERE job = (SELECT id FROM jobs WHERE public_id = ?) AND leg = ? AND state = 'delayed'`,
    );
  }

  put(rows: JobRowIds, work: readonly NewWork[]): void {
    for (const { leg, origin, state, readyAt, rank } of work) {
      const destination = this.#interned.destination(rows.organization, origin);
      this.#put.run(rows.job, leg, destination, rows.account, state, readyAt, rank);
    }
  }

  remove(job: number, legs: readonly number[]): void {
    for (const leg of legs) this.#remove.run(job, leg);
  }

  /** How many rows stand in line now that did not before. */
  stage(rows: StageOperation['rows']): number {
    let staged = 0;
    for (const { jobId, leg } of rows) {
      const id = identifierBytes(jobId);
      if (id !== null) staged += this.#stage.run(id, leg).changes;
    }
    return staged;
  }
}
