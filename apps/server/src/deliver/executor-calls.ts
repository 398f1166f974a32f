import type { AttemptCall, AttemptReport, Executor } from '@ezthrottle/engine';

/** An executor with one promise per call, for callers that wait for each by itself. */
export class ExecutorCalls {
  readonly #executor: Executor;
  readonly #waiting = new Map<string, (report: AttemptReport) => void>();
  #isBroken = false;

  /** Takes the executor's reports for itself. */
  constructor(executor: Executor) {
    this.#executor = executor;
    executor.onReports((reports) => {
      for (const report of reports) {
        this.#waiting.get(report.token)?.(report);
        this.#waiting.delete(report.token);
      }
    });
  }

  call(call: AttemptCall): Promise<AttemptReport> {
    if (this.#isBroken) return Promise.resolve(abortedReport(call));
    return new Promise((resolve) => {
      this.#waiting.set(call.token, resolve);
      this.#executor.run([call]);
    });
  }

  /** From now on calls may go out. */
  resume(): void {
    this.#isBroken = false;
  }

  /** Aborts what runs; later calls are aborted too, until `resume`. */
  abortAll(): void {
    this.#isBroken = true;
    this.#executor.abort([...this.#waiting.keys()]);
  }
}

function abortedReport({ token }: AttemptCall): AttemptReport {
  return { token, outcome: { kind: 'aborted' }, response: null, startedAt: 0, endedAt: 0 };
}
