import type { BodySpec } from '../job/job-spec.ts';
import type { Outcome, StoredResponse } from '../job/outcome.ts';
import type { Id } from './operation.ts';

/** One outbound call as plain data: nothing in it but what can cross a thread or a network. */
export interface AttemptCall {
  /** Names this call for `abort` and in its report. */
  readonly token: string;
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: BodySpec | null;
  readonly timeoutMs: number;
  readonly region: string;
  /**
   * Secrets that it refers to: whoever hands it over puts them in, and hides all of the organization in what
   * comes back. Absent: it is sent as it is, and the organization has none.
   */
  readonly secrets?: { readonly organization: Id; readonly names: readonly string[] };
  /** Bytes of the answer to keep. */
  readonly maxResponseBytes: number;
}

export interface AttemptReport {
  readonly token: string;
  readonly outcome: Outcome;
  /** With a `response` outcome only. */
  readonly response: StoredResponse | null;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly endedAt: number;
}

/** Makes outbound calls. Every call that is run is reported exactly once, aborted ones too. */
export interface Executor {
  run(calls: readonly AttemptCall[]): void;
  /** Unknown tokens are ignored: their report is on its way. */
  abort(tokens: readonly string[]): void;
  /**
   * Set once, before the first call, by whoever wants to know when a call really goes out: told when its
   * connection is there and its first byte is written, once, before its report. A call that ends before
   * that is never told.
   */
  onSent(listener: (token: string) => void): void;
  /** Set once, before the first call. */
  onReports(listener: (reports: readonly AttemptReport[]) => void): void;
  /** Aborts what runs and frees its sockets; resolves when every call has been reported. */
  close(): Promise<void>;
}
