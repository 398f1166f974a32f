/** What every call to the server takes. */
export interface CallOptions {
  /** Ends the call: it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Time allowed to one try, in milliseconds. Default: the client's `timeout`. */
  readonly timeout?: number | undefined;
}

/** The same as the transport takes it. */
export function callLimits({ signal, timeout }: CallOptions): {
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number | undefined;
} {
  return { signal, timeoutMs: timeout };
}
