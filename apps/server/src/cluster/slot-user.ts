import type { UnderWay } from '@ezthrottle/engine';

/** A part of a node that works on what its slots hold. */
export interface SlotUser {
  /** Reads what has to be known before anything is begun in these slots, which nobody serves yet. */
  prepare?(slots: readonly number[]): Promise<void>;
  /** These slots are this node's from now on: what stands there is taken up. None: it may act again. */
  gain(slots: readonly number[]): Promise<void>;
  /** Nothing new is begun there any more; what is under way may end. */
  leave(slots: readonly number[]): void;
  /** What of a slot that was left is still under way. */
  underWayIn(slot: number): UnderWay;
}
