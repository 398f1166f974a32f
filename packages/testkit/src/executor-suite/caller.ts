import type { AttemptCall, AttemptReport, Executor } from '@ezthrottle/engine';

/** Drives an executor in a test: numbers the calls, and waits for reports by signal. */
export class Caller {
  readonly #executor: Executor;
  readonly #waiting = new Map<string, (report: AttemptReport) => void>();
  #tokens = 0;
  /** Every report that came, in order, also unexpected ones. */
  readonly reports: AttemptReport[] = [];
  /** Tokens of the calls that went out, in order. */
  readonly sent: string[] = [];
  /** How many reports each call of the listener brought. */
  readonly batches: number[] = [];

  constructor(executor: Executor) {
    this.#executor = executor;
    executor.onSent((token) => this.sent.push(token));
    executor.onReports((reports) => {
      this.batches.push(reports.length);
      for (const report of reports) {
        this.reports.push(report);
        this.#waiting.get(report.token)?.(report);
        this.#waiting.delete(report.token);
      }
    });
  }

  /** A GET with a token of its own, 5 s and 64 KiB, changed as given. */
  call(url: string, changes: Partial<AttemptCall> = {}): AttemptCall {
    this.#tokens += 1;
    return {
      token: `token-${this.#tokens}`,
      url,
      method: 'GET',
      headers: {},
      body: null,
      timeoutMs: 5_000,
      region: 'local',
      maxResponseBytes: 65_536,
      ...changes,
    };
  }

  /** Runs the calls as one batch. */
  all(calls: readonly AttemptCall[]): Promise<AttemptReport[]> {
    const reports = calls.map(
      (call) =>
        new Promise<AttemptReport>((resolve) => {
          this.#waiting.set(call.token, resolve);
        }),
    );
    this.#executor.run(calls);
    return Promise.all(reports);
  }

  async one(url: string, changes: Partial<AttemptCall> = {}): Promise<AttemptReport> {
    const [report] = await this.all([this.call(url, changes)]);
    if (report === undefined) throw new Error('no report came');
    return report;
  }
}
