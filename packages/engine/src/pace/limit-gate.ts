import { FairLine, type FairLineOptions, type LineEntry } from './fair-line.ts';

/** A key that a job counts against, and what it takes from the key's rate. */
export interface KeyCost {
  readonly key: string;
  /** Default 1. */
  readonly cost?: number | undefined;
}

/** Something that waits for all of its keys. */
export interface LimitedEntry extends LineEntry {
  /** Never empty, no key twice. */
  readonly keys: readonly KeyCost[];
}

/** Entries with the very same keys: they stand in one fair line, and only its front is ever looked at. */
export interface Group<Entry extends LimitedEntry> {
  readonly id: string;
  readonly keys: readonly string[];
  /** Those behind the front; null while there are none, as with keys that belong to one tenant. */
  line: FairLine<Entry> | null;
  front: Entry | null;
  /** Since when its front has been at the front, in milliseconds. */
  frontSince: number;
  /** The key at which the front waits now. */
  gate: Gate | null;
  /** The key that is kept for the front. */
  reserved: Gate | null;
}

/** One key, and the groups whose front it holds back. */
export interface Gate {
  readonly key: string;
  readonly waiting: FairLine<LineEntry>;
  /** Whose turn it is at this key: what frees up is saved for it. */
  turn: string | null;
  /** When to look again; null: somebody has to wake it. */
  opensAt: number | null;
  /** The group for which the key is kept, whoever else wants it. */
  reservedFor: string | null;
  /** Groups for which another key is kept: they come first, so that it is not kept for long. */
  readonly urgent: Set<string>;
  /** Groups that use the key: at none it is forgotten. */
  users: number;
}

/** A key at which nobody waits yet. */
export function createGate(key: string, fairness: FairLineOptions): Gate {
  return {
    key,
    waiting: new FairLine(fairness),
    turn: null,
    opensAt: null,
    reservedFor: null,
    urgent: new Set(),
    users: 0,
  };
}

/** A group in which nobody waits yet. */
export function createGroup<Entry extends LimitedEntry>(
  id: string,
  keys: readonly string[],
): Group<Entry> {
  return { id, keys, line: null, front: null, frontSince: 0, gate: null, reserved: null };
}
