import type { Id, WorkRow } from '@ezthrottle/engine';

/** A line in which another node has to look. */
export type PutLine = Pick<WorkRow, 'organization' | 'apiKey' | 'userId' | 'origin'>;

/**
 * Tells other nodes what was written that is theirs to do. All of it is on disk and found there sooner or
 * later: telling only makes it sooner, never fails and never waits.
 */
export interface Peers {
  /** Work stands ready in these lines. */
  put(lines: readonly PutLine[]): void;
  /** Deliveries to these addresses are due. */
  due(endpoints: readonly { readonly organization: Id; readonly url: string }[]): void;
  /** This job was moved on here, and calls of it may run elsewhere. */
  moved(jobId: Id): void;
}
