import type { Id } from '../ports/operation.ts';

/** A node's heartbeat, in a row of its own so that renewing it disturbs nobody. */
export interface NodeRow {
  readonly node: Id;
  /** From where its calls leave. */
  readonly regions: readonly string[];
  readonly isDraining: boolean;
  /** End of its lease by the database's clock, in milliseconds since the epoch. */
  readonly expiresAt: number;
}

/**
 * What every write of a node is held against. Epochs come from one sequence of the database and are never
 * given twice, so that a write from before a fence fits no later row of the same node.
 */
export interface FenceRow {
  readonly node: Id;
  readonly epoch: number;
}

/** A node in one of its lives. */
export interface SlotOwner {
  readonly node: Id;
  readonly epoch: number;
}

export interface SlotRow {
  readonly slot: number;
  /** Holds only while the owner's fence has this epoch. Null: nobody's. */
  readonly owner: SlotOwner | null;
  /** One more with every change, so that a request which comes late changes nothing. */
  readonly version: number;
}

/** The rows of one moment, read in one statement (or one snapshot). */
export interface ClusterView {
  /** The database's clock, milliseconds since the epoch. */
  readonly databaseNow: number;
  /** Every node that has joined and was neither fenced nor has left. */
  readonly nodes: readonly NodeRow[];
  readonly fences: readonly FenceRow[];
  /** All slots. */
  readonly slots: readonly SlotRow[];
}

/** A slot and what it looked like when it was asked for. */
export interface SeenSlot {
  readonly slot: number;
  readonly version: number;
}

/**
 * What a node asks of the database for its own place in the cluster. Each is applied as a whole or not at
 * all, and can be repeated. All but `join` and `fence` read the asking node's own fence row `FOR SHARE` and
 * change nothing when its epoch is another. None of them waits for a lock for longer than a part of a heartbeat:
 * a node that stands still in a transaction holds its fence row, and whoever waited for that would miss its own
 * renewal. What was not done is asked for again in the next round.
 */
export type ClusterOperation =
  /** Puts heartbeat and fence, with the next epoch of the sequence, and answers with that. */
  | { readonly type: 'join'; readonly node: Id; readonly regions: readonly string[] }
  /** The lease ends `leaseMs` after the database's clock as it is when this is applied. */
  | {
      readonly type: 'renew';
      readonly node: Id;
      readonly epoch: number;
      readonly isDraining: boolean;
      readonly leaseMs: number;
    }
  /**
   * Gives a dead node's fence the next epoch and deletes its heartbeat: with the fence row locked, and only
   * if the epoch is still this one and the heartbeat, read after that, has been over for `takeMarginMs`.
   */
  | {
      readonly type: 'fence';
      readonly node: Id;
      readonly epoch: number;
      readonly takeMarginMs: number;
    }
  /** Each slot that still has this version and whose owner's fence has another epoch (or that is nobody's). */
  | {
      readonly type: 'take_slots';
      readonly owner: SlotOwner;
      readonly slots: readonly SeenSlot[];
    }
  /** Each slot that still has this version and this owner is nobody's. */
  | {
      readonly type: 'release_slots';
      readonly owner: SlotOwner;
      readonly slots: readonly SeenSlot[];
    }
  /** Deletes heartbeat and fence of the node itself, which owns nothing any more. */
  | { readonly type: 'leave'; readonly node: Id; readonly epoch: number }
  /** Deletes fences of this epoch that have no heartbeat and to which no slot refers. */
  | {
      readonly type: 'forget';
      readonly owner: SlotOwner;
      readonly fences: readonly FenceRow[];
    };
