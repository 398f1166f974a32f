import type { JobState } from '@ezthrottle/core/protocol';
import type { Connection, Statement } from './connection.ts';

/**
 * Changes to the number of jobs per state, collected over a transaction and written once at its end,
 * so that counting never reads the jobs.
 */
export class JobCountChanges {
  readonly #update: Statement;
  readonly #changes = new Map<JobState, number>();

  constructor(connection: Connection) {
    this.#update = connection.prepare('UPDATE job_counts SET jobs = jobs + ? WHERE state = ?');
  }

  add(state: JobState, change: number): void {
    this.#changes.set(state, (this.#changes.get(state) ?? 0) + change);
  }

  move(from: JobState, to: JobState): void {
    this.add(from, -1);
    this.add(to, 1);
  }

  /** What stands collected, to be given back to `restore` when an operation is undone. */
  snapshot(): ReadonlyMap<JobState, number> {
    return new Map(this.#changes);
  }

  restore(snapshot: ReadonlyMap<JobState, number>): void {
    this.#changes.clear();
    for (const [state, change] of snapshot) this.#changes.set(state, change);
  }

  write(): void {
    for (const [state, change] of this.#changes) {
      if (change !== 0) this.#update.run(change, state);
    }
    this.#changes.clear();
  }
}
