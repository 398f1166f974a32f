import type { ErrorCode, Problem } from '@ezthrottle/core/protocol';
import type { Id } from '@ezthrottle/engine';

/** A job that an application has submitted within a transaction of its own, as it stands in the inbox. */
export interface InboxRow {
  /** Its number in the inbox. */
  readonly row: number;
  /** What the job is to be called. The submitter knows it already. */
  readonly id: Id;
  readonly organization: Id;
  readonly apiKey: Id;
  /** JSON, as it was submitted. */
  readonly job: string;
  /** How often it found no room. */
  readonly postponed: number;
}

/** What becomes of a row. */
export type InboxOutcome =
  /** The job is in the store. */
  | { readonly type: 'taken' }
  /** Another job has its key: there is no job of this id. */
  | { readonly type: 'duplicate'; readonly of: Id }
  | {
      readonly type: 'refused';
      readonly code: ErrorCode;
      readonly message: string;
      readonly problems: readonly Problem[];
    }
  /** It stays, and is looked at again after so many milliseconds. */
  | { readonly type: 'postponed'; readonly forMs: number };

/** The inbox in the database. */
export interface InboxRows {
  /**
   * Takes rows out that are due, the oldest first, and does with each what `settle` says, in its place.
   * Until that is done no other node sees them; when it fails they stay as they were.
   *
   * @returns How many there were.
   */
  take(
    limit: number,
    settle: (rows: readonly InboxRow[]) => Promise<readonly InboxOutcome[]>,
  ): Promise<number>;
  /** Forgets what a user's jobs have left here, and those of them that still wait. */
  forgetAccount(organization: Id, userId: string): Promise<void>;
  /** Forgets what was refused before this moment, the oldest first. Gives how many there were. */
  prune(before: number, limit: number): Promise<number>;
}
