import { JOB_STATES, type JobState } from '@ezthrottle/core/protocol';

/** Changes to the number of jobs per state, collected over a transaction and written once at its end. */
export class JobCountChanges {
  readonly #changes = new Map<JobState, number>();

  add(state: JobState, change: number): void {
    this.#changes.set(state, (this.#changes.get(state) ?? 0) + change);
  }

  move(from: JobState, to: JobState): void {
    this.add(from, -1);
    this.add(to, 1);
  }

  /** In the order of `JOB_STATES`. */
  changes(): readonly number[] {
    return JOB_STATES.map((state) => this.#changes.get(state) ?? 0);
  }

  /** What stands collected, to be given back to `restore` when an operation is undone. */
  snapshot(): ReadonlyMap<JobState, number> {
    return new Map(this.#changes);
  }

  restore(snapshot: ReadonlyMap<JobState, number>): void {
    this.#changes.clear();
    for (const [state, change] of snapshot) this.#changes.set(state, change);
  }
}
