import type { Grant, HomeAllotment, LimitShare, SlotOwner } from '@ezthrottle/engine';
import type { LimitUsage } from './shared-limits.ts';

/** What a node has to do with a limit, as its row has it. */
export interface ShareRow extends HomeAllotment {
  readonly key: string;
  readonly slot: number;
  readonly usage: LimitUsage;
  /** Nobody else could have spent anything of what it was granted. */
  readonly isFresh: boolean;
  /** The node is in the life in which it wrote this. */
  readonly isCurrent: boolean;
  /** When the node wrote here last, by the database's clock. */
  readonly seenAt: number;
}

export interface ShareReport {
  readonly key: string;
  readonly slot: number;
  readonly usage: LimitUsage;
}

export interface ShareConfirmation {
  readonly key: string;
  readonly grant: number;
  readonly share: LimitShare;
}

/** What a look at the rows of one limit comes to. */
export interface Division {
  readonly grants: readonly Grant[];
  readonly isFresh: boolean;
  /** Rows of nodes that are no more, to be taken away. */
  readonly gone: readonly SlotOwner[];
}

/** Rows of one limit, and the database's clock. */
export interface ShareView {
  readonly databaseNow: number;
  readonly rows: readonly ShareRow[];
}

/** The rows by which nodes share limits. A node that was fenced writes none of them any more. */
export interface ShareRows {
  /** Its own rows, and all rows of limits in these slots. */
  read(owner: SlotOwner, slots: readonly number[]): Promise<ShareView>;
  /** All current rows of these limits. */
  of(keys: readonly string[]): Promise<readonly ShareRow[]>;
  /** Says how limits stand here; makes rows that there are not. */
  report(owner: SlotOwner, reports: readonly ShareReport[]): Promise<void>;
  /** Gives the keys of those whose grant was still the one that is meant. */
  confirm(
    owner: SlotOwner,
    confirmations: readonly ShareConfirmation[],
  ): Promise<ReadonlySet<string>>;
  /** Spends nothing of these any more, and will not. */
  giveUp(owner: SlotOwner, keys: readonly string[]): Promise<void>;
  /**
   * Reads one limit's rows, and writes what follows from them, while nobody else divides it and the slot is this
   * node's by its row. False: somebody does, it is not, or there was nothing to write.
   */
  divide(
    owner: SlotOwner,
    limit: Pick<ShareRow, 'key' | 'slot'>,
    plan: (view: ShareView) => Division,
  ): Promise<boolean>;
}
