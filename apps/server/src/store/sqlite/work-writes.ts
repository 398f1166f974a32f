import type { NewWork, StageOperation } from '@ezthrottle/engine';
import type { Statement } from './connection.ts';
import { identifierBytes } from '../rows/identifier.ts';
import type { Interned } from './interned.ts';
import type { JobRowIds, WriteScope } from './write-scope.ts';

/** Legs that wait. Armed ones have no row here. */
export class WorkWrites {
  readonly #interned: Interned;
  readonly #put: Statement;
  readonly #remove: Statement;
  readonly #removeAll: Statement;
  readonly #stage: Statement;

  constructor({ connection, interned }: WriteScope) {
    this.#interned = interned;
    this.#put = connection.prepare(
      `INSERT INTO work (job, leg, destination, account, is_ready, ready_at, rank)
       VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (job, leg) DO UPDATE SET destination = excluded.destination,
         is_ready = excluded.is_ready, ready_at = excluded.ready_at, rank = excluded.rank`,
    );
    this.#remove = connection.prepare('DELETE FROM work WHERE job = ? AND leg = ?');
    this.#removeAll = connection.prepare('DELETE FROM work WHERE job = ?');
    this.#stage = connection.prepare(
      `UPDATE work SET is_ready = 1
       WHERE job = (SELECT id FROM jobs WHERE public_id = ?) AND leg = ? AND is_ready = 0`,
    );
  }

  /** Of a new job. */
  insert(rows: JobRowIds, work: readonly NewWork[]): void {
    for (const leg of work) if (leg.state !== 'armed') this.#write(rows, leg);
  }

  put(rows: JobRowIds, work: readonly NewWork[]): void {
    for (const leg of work) {
      if (leg.state === 'armed') this.#remove.run(rows.job, leg.leg);
      else this.#write(rows, leg);
    }
  }

  remove(job: number, legs: readonly number[]): void {
    for (const leg of legs) this.#remove.run(job, leg);
  }

  removeAll(job: number): void {
    this.#removeAll.run(job);
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

  #write(rows: JobRowIds, { leg, origin, state, readyAt, rank }: NewWork): void {
    const destination = this.#interned.destination(rows.organization, origin);
    const isReady = state === 'ready' ? 1 : 0;
    this.#put.run(rows.job, leg, destination, rows.account, isReady, readyAt, rank);
  }
}
