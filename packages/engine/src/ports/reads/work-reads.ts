import type { Id } from '../operation.ts';

/** One leg in line. */
export interface WorkRow {
  readonly jobId: Id;
  readonly leg: number;
  readonly organization: Id;
  readonly apiKey: Id;
  readonly userId: string;
  readonly origin: string;
  readonly rank: number;
  readonly readyAt: number;
}

/** One account's line at one origin. */
export interface WorkLine {
  readonly organization: Id;
  readonly origin: string;
  readonly apiKey: Id;
  readonly userId: string;
  readonly ready: number;
}

/**
 * Where `slots` may be given, only what belongs to them is read; absent: everything. A store of one
 * machine has one owner for all of them, and may leave the slots out of account.
 */
export interface WorkReads {
  /** Every line that has ready work: the directory a node starts from. */
  lines(slots?: readonly number[]): Promise<readonly WorkLine[]>;
  /** Ready rows of one line in order of (rank, arrival), after the given one; at most `limit`. */
  ready(
    line: Omit<WorkLine, 'ready'>,
    after: { readonly rank: number; readonly jobId: Id; readonly leg: number } | null,
    limit: number,
  ): Promise<readonly WorkRow[]>;
  /** Delayed rows that are due, the longest overdue first. */
  due(now: number, limit: number, slots?: readonly number[]): Promise<readonly WorkRow[]>;
  /** When the next delayed row becomes due; null when there is none. */
  nextDueAt(slots?: readonly number[]): Promise<number | null>;
  /**
   * When the job that was taken in first, of those in line now, came to be ready; null: none is in line.
   * It may be overlooked behind very many jobs that still have to wait for their moment.
   */
  oldestReadyAt(slots?: readonly number[]): Promise<number | null>;
  /**
   * Armed rows: after a start, attempts whose outcome nobody knows. Ordered by job, paged by id. With slots: of
   * jobs at home there, and of those of which another path than the first is being called, whose line may be
   * there as well as elsewhere.
   */
  armed(
    afterJobId: Id | null,
    limit: number,
    slots?: readonly number[],
  ): Promise<readonly { readonly jobId: Id; readonly leg: number }[]>;
  /** Jobs whose `wakeAt` has come. */
  wakeable(now: number, limit: number, slots?: readonly number[]): Promise<readonly Id[]>;
  nextWakeAt(slots?: readonly number[]): Promise<number | null>;
  /** What destinations have taught, as put by `put_pace`; of some, where there are more than `limit`. */
  pace(
    limit: number,
    slots?: readonly number[],
  ): Promise<
    readonly { readonly organization: Id; readonly origin: string; readonly data: string }[]
  >;
  /** The same of one; null: nothing. */
  paceOf(organization: Id, origin: string): Promise<string | null>;
}
