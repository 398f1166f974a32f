import type { Queryable } from './database.ts';
import type { Interned } from './interned.ts';
import type { JobCountChanges } from './job-counts.ts';

/** What the writers share while one transaction is open. */
export interface WriteScope {
  /** Runs statements in the transaction. `{jobs}` in their text is the store's table of this name. */
  readonly transaction: Queryable;
  /** Reads and writes in the transaction. */
  readonly interned: Interned;
  /** Told of every job that changes its state, comes or goes. */
  readonly counts: JobCountChanges;
  /** A number that no row of a job has. */
  nextJobRow(): number;
}
