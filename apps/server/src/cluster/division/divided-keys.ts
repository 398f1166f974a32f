import type { Id, KeyParts } from '@ezthrottle/engine';

/** A destination that is, or was of late, divided among several homes by account. */
export interface DividedKey {
  /** `destinationKey`. */
  readonly key: string;
  /** Whoever has it says how the key is divided. */
  readonly slot: number;
  readonly parts: KeyParts;
  /** One more with every change of the parts. */
  readonly version: number;
  /** What the destination had taught when it was divided, whatever was set; 0: nothing. */
  readonly ratePerSecond: number;
  readonly concurrency: number;
  /** A target has told some node to wait for so long, from when this was read, in milliseconds. */
  readonly pauseMs: number;
}

/** What a node knows of divided destinations. */
export interface DividedKeys {
  /** Into how many parts calls that come now are divided. */
  partsOf(organization: Id, origin: string): KeyParts;
  /** Null: it is not divided, and was not of late. */
  find(key: string): DividedKey | null;
  /** End of the pause that some node was asked for, on the monotonic clock; null: there is none. */
  pausedUntil(key: string): number | null;
  /** A target has asked to be left alone for so long, in milliseconds: all homes are told. */
  pause(key: string, slot: number, forMs: number): void;
  /** Called with each key that was read anew. */
  onRead(listener: (key: string) => void): void;
}

/** The rows by which all nodes know of them. A node that was fenced writes none. */
export interface DividedKeyRows {
  read(): Promise<readonly DividedKey[]>;
  /**
   * Divides a key anew, if its row still has this version (0: there is none) and the slot is this node's by its
   * row. False: it is not.
   */
  divide(known: Omit<DividedKey, 'pauseMs'>): Promise<boolean>;
  /** Never ends a pause sooner than another node has said. */
  pause(key: string, slot: number, forMs: number): Promise<void>;
  /** Forgets a key that is whole again, on the same conditions. */
  forget(known: Pick<DividedKey, 'key' | 'slot' | 'version'>): Promise<void>;
}
