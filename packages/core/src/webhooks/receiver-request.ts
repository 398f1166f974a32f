/** A request as any framework can give it. */
export interface ReceiverRequest {
  readonly method: string;
  /** Value of a header, whatever the case of its name. */
  header(name: string): string | null | undefined;
  /** The raw body, or how to get it: then nothing is read from a request that is refused before. */
  readonly body: Uint8Array | null | BodyReader;
  /** Aborts the handlers. A sender that hangs up is no reason to: it will ask again. */
  readonly signal?: AbortSignal;
  /**
   * Asked when no signature fits: the error on this side that may be why, such as a body that could only
   * be written again from a text. Then the answer is 500, and `onError` is told, instead of 401.
   */
  readonly mistake?: () => Error | undefined;
  /** Of hosts that end what goes on behind an answer, or when a sender hangs up, such as Workers. */
  readonly waitUntil?: ReceiverHost['waitUntil'];
  /** Handed to functions that give secrets or keys, and to the handlers. */
  readonly context?: unknown;
}

/** What runs the receiver, such as the execution context of a Worker. */
export interface ReceiverHost {
  /** Keeps this work running when the answer is out, or the sender gone. It never rejects. */
  waitUntil(work: Promise<unknown>): unknown;
}

/** Reads the raw body; rejects with `BodyTooLargeError` instead of reading more than the limit. */
export type BodyReader = (limitBytes: number) => Promise<Uint8Array | null>;
