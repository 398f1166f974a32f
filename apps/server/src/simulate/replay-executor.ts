import { HEADERS } from '@ezthrottle/core/protocol';
import type { AttemptCall, AttemptReport, Clock, Executor, Id, Outcome } from '@ezthrottle/engine';

/** How a call of the recording went. */
export interface RecordedCall {
  /** From its start to its first byte, in milliseconds; null: it was never sent. */
  readonly sentMs: number | null;
  /** From its start to its end. */
  readonly tookMs: number;
  readonly outcome: Outcome;
}

/** A call that the replay has started. */
export interface ReplayedStart {
  readonly job: Id;
  readonly attempt: number;
  readonly origin: string;
  /** On the replay's clock. */
  readonly at: number;
}

export interface ReplayExecutorOptions {
  readonly clock: Clock;
  /** Null: the recording has no such call. */
  readonly callOf: (job: Id, attempt: number) => RecordedCall | null;
  /** How long calls to an origin took as a rule, in milliseconds. */
  readonly usualMs: (origin: string) => number;
}

/** Answers calls as the recording says; those that it does not have, with 200 after the usual time. */
export class ReplayExecutor implements Executor {
  readonly starts: ReplayedStart[] = [];
  /** Calls of which the recording knows no end. */
  assumed = 0;
  readonly #options: ReplayExecutorOptions;
  readonly #running = new Set<string>();
  /** By the moment of their ends, so that those which ended together do so again. */
  readonly #ending = new Map<string, (readonly [token: string, outcome: Outcome])[]>();
  #tellSent: (token: string) => void = () => undefined;
  #report: (reports: readonly AttemptReport[]) => void = () => undefined;

  constructor(options: ReplayExecutorOptions) {
    this.#options = options;
  }

  onSent(listener: (token: string) => void): void {
    this.#tellSent = listener;
  }

  onReports(listener: (reports: readonly AttemptReport[]) => void): void {
    this.#report = listener;
  }

  run(calls: readonly AttemptCall[]): void {
    const { clock } = this.#options;
    for (const call of calls) {
      const job = call.headers[HEADERS.jobId] ?? '';
      const attempt = Number(call.headers[HEADERS.attempt]);
      const { origin } = new URL(call.url);
      this.starts.push({ job, attempt, origin, at: clock.monotonic() });
      this.#running.add(call.token);
      const { sentMs, tookMs, outcome } = this.#callOf(job, attempt, origin);
      if (sentMs !== null && sentMs <= 0) this.#tellSent(call.token);
      else if (sentMs !== null) clock.after(sentMs, () => this.#sent(call.token));
      this.#endAfter(tookMs, call.token, outcome);
    }
  }

  abort(tokens: readonly string[]): void {
    const aborted = tokens.map((token) => [token, { kind: 'aborted' }] as const);
    this.#options.clock.after(0, () => this.#end(aborted));
  }

  async close(): Promise<void> {
    this.#running.clear();
  }

  #callOf(job: Id, attempt: number, origin: string): RecordedCall {
    const { callOf, usualMs } = this.#options;
    const known = callOf(job, attempt);
    if (known !== null && known.outcome.kind !== 'aborted') return known;
    const assumedMs = usualMs(origin);
    const outcome = { kind: 'response', status: 200, headers: {} } as const;
    // One that was stopped is stopped again, unless things go otherwise now.
    if (known !== null) {
      return { sentMs: known.sentMs, tookMs: Math.max(known.tookMs + 1, assumedMs), outcome };
    }
    this.assumed += 1;
    return { sentMs: 0, tookMs: assumedMs, outcome };
  }

  #sent(token: string): void {
    if (this.#running.has(token)) this.#tellSent(token);
  }

  #endAfter(tookMs: number, token: string, outcome: Outcome): void {
    const { clock } = this.#options;
    const moment = (clock.monotonic() + tookMs).toFixed(3);
    const together = this.#ending.get(moment);
    if (together !== undefined) {
      together.push([token, outcome]);
      return;
    }
    const ends: (readonly [string, Outcome])[] = [[token, outcome]];
    this.#ending.set(moment, ends);
    clock.after(tookMs, () => {
      this.#ending.delete(moment);
      this.#end(ends);
    });
  }

  #end(ends: readonly (readonly [string, Outcome])[]): void {
    const now = this.#options.clock.now();
    const reports = ends.flatMap(([token, outcome]): AttemptReport[] => {
      if (!this.#running.delete(token)) return [];
      const response =
        outcome.kind === 'response'
          ? {
              status: outcome.status,
              headers: outcome.headers,
              body: '',
              bodyEncoding: 'utf8' as const,
              truncated: false,
            }
          : null;
      return [{ token, outcome, response, startedAt: now, endedAt: now }];
    });
    if (reports.length > 0) this.#report(reports);
  }
}
