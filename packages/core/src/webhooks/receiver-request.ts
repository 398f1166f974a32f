/** A request as any framework can give it. */
export interface ReceiverRequest {
  readonly method: string;
  /** Value of a header, whatever the case of its name. */
  header(name: string): string | null | undefined;
  /** The raw body, or how to get it: then nothing is read from a request that is refused before. */
  readonly body: Uint8Array | null | BodyReader;
  /** Aborts the handlers. A sender that hangs up is no reason to: it will ask again. */
  readonly signal?: AbortSignal;
  /** Handed to functions that give secrets or keys, and to the handlers. */
  readonly context?: unknown;
}

/** Reads the raw body; rejects with `BodyTooLargeError` instead of reading more than the limit. */
export type BodyReader = (limitBytes: number) => Promise<Uint8Array | null>;
