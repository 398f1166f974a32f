/** Time as an argument: real in the server, scripted in tests. */
export interface Clock {
  /** Milliseconds since the epoch; may jump. */
  now(): number;
  /** Milliseconds since some fixed moment; never goes back. For pacing and timeouts. */
  monotonic(): number;
  /** Calls back once, at least `delayMs` later. The returned function cancels it. */
  after(delayMs: number, callback: () => void): () => void;
}
