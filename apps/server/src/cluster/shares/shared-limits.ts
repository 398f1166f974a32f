import type { LimitShare } from '@ezthrottle/engine';

/** How a limit stands at one node. */
export interface LimitUsage {
  /** Calls that the node could make within the next seconds if the limit let them; 0: it wants nothing of it. */
  readonly demand: number;
  /** Accounts that they belong to, where accounts have equal parts of the limit. Absent: it goes by demand. */
  readonly accounts?: number;
  /** Calls in line. */
  readonly waiting: number;
  readonly inFlight: number;
  /** Calls per second that the limit lets go here, as targets have left it. */
  readonly ratePerSecond: number;
}

/** A limit that calls of this node count against, and perhaps calls of others as well. */
export interface SharedLimit {
  readonly key: string;
  /** Whoever has this slot divides it. */
  readonly slot: number;
  usage(): LimitUsage;
  /** How long it takes at the most until the whole burst has come back, in milliseconds. */
  refillMs(): number;
  /**
   * From this moment on it may spend this much.
   *
   * @param isFresh Nobody else can have spent anything of it of late.
   */
  follow(share: LimitShare, isFresh: boolean): void;
}

/** Limits that several nodes spend. */
export interface SharedLimits {
  /** Asks for a share. Until `follow` has told of one nothing may be spent. What is asked for keeps its share. */
  use(limit: SharedLimit): void;
  /**
   * Nothing counts against it here any more. Its share is kept from others until what was spent of it cannot be missed.
   *
   * @param owedMs How long it takes until that is paid off.
   */
  drop(key: string, owedMs: number): void;
  /** A call has come that counts against it. */
  wanted(key: string): void;
  /** A call that counted against it has ended. */
  freed(key: string): void;
  /** Whether other nodes have shares of a key whose slot this node has: it may not spend the whole by itself. */
  hasOthers(key: string): boolean;
}
