import type { AttemptReport } from '@ezthrottle/engine';

/** Gathers the reports of one turn of the event loop, so that they can be committed together. */
export class ReportBatch {
  #reports: AttemptReport[] = [];
  #isScheduled = false;
  #listener: ((reports: readonly AttemptReport[]) => void) | null = null;

  listen(listener: (reports: readonly AttemptReport[]) => void): void {
    this.#listener = listener;
  }

  add(report: AttemptReport): void {
    this.#reports.push(report);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.flush();
    });
  }

  /** Hands over what has gathered, now. */
  flush(): void {
    if (this.#reports.length === 0) return;
    const reports = this.#reports;
    this.#reports = [];
    this.#listener?.(reports);
  }
}
