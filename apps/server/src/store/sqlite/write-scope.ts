import type { Connection } from './connection.ts';
import type { Erasing } from './erasing.ts';
import type { Interned } from './interned.ts';
import type { JobCountChanges } from './job-counts.ts';

/** What the writers of one store share. */
export interface WriteScope {
  readonly connection: Connection;
  readonly interned: Interned;
  readonly counts: JobCountChanges;
  readonly erasing: Erasing;
}

/** Row ids that most rows of a job carry. */
export interface JobRowIds {
  readonly job: number;
  readonly organization: number;
  readonly account: number;
}
