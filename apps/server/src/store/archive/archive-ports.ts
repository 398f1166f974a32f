import type { ArchiveRow, ArchiveTable } from './archive-tables.ts';

/** A store that is read whole, as it stood at one moment. */
export interface ArchiveSource {
  /** Names of the master keys that sealed something, sorted. */
  masterKeys(): Promise<readonly string[]>;
  /** All rows of a table in the order of its key, some at a time. */
  rows(table: ArchiveTable): AsyncIterable<readonly ArchiveRow[]>;
  close(): Promise<void>;
}

/** A store that is filled in one transaction: what was not finished is not there. */
export interface ArchiveTarget {
  /** The first table that has rows; null: the store is empty. */
  firstFilled(): Promise<string | null>;
  /** Tables come in the order in which they name each other. */
  insert(table: ArchiveTable, rows: readonly ArchiveRow[]): Promise<void>;
  /** Adds what follows from the rows, and makes all of it last. */
  finish(): Promise<void>;
  /** Closing before `finish` leaves the store as it was. */
  close(): Promise<void>;
}
