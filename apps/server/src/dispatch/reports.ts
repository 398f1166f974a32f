import { feedback, release } from '@ezthrottle/engine';
import type { AttemptReport, Outcome } from '@ezthrottle/engine';
import type { ActiveJobs } from './active-jobs.ts';
import type { RunningCall, RunningCalls } from './calls.ts';
import type { Destination } from './destination.ts';
import type { DispatcherParts } from './dispatch-ports.ts';
import type { JobMover } from './job-mover.ts';

export interface ReportsOptions {
  readonly parts: Pick<DispatcherParts, 'clock' | 'logger'>;
  readonly active: ActiveJobs;
  readonly calls: RunningCalls;
  readonly mover: JobMover;
  /** Called once for each destination whose pace or slots have changed. */
  readonly onFreed: (destination: Destination) => void;
}

/** Takes what calls gave: frees their slots, learns their pace, and has their jobs decided. */
export class Reports {
  readonly #options: ReportsOptions;
  #deciding = 0;

  constructor(options: ReportsOptions) {
    this.#options = options;
  }

  /** Reports whose jobs are being decided. */
  get deciding(): number {
    return this.#deciding;
  }

  take(reports: readonly AttemptReport[]): void {
    const { calls, onFreed } = this.#options;
    const freed = new Set<Destination>();
    for (const report of reports) {
      const call = calls.take(report.token);
      if (call === undefined) continue;
      if (call.sentAt === null) call.destination.unsent -= 1;
      this.#learn(call, report.outcome);
      freed.add(call.destination);
      void this.#decide(call, report);
    }
    for (const destination of freed) onFreed(destination);
  }

  #learn({ destination, arrival, sentAt }: RunningCall, outcome: Outcome): void {
    const { clock } = this.#options.parts;
    if (outcome.kind === 'response' && sentAt !== null) {
      destination.arrivals.answered(arrival, clock.monotonic());
    }
    const freed = release(destination.pace);
    destination.pace =
      outcome.kind === 'response'
        ? feedback(freed, outcome, clock.monotonic(), clock.now())
        : freed;
    destination.isPaceChanged = true;
  }

  async #decide(call: RunningCall, report: AttemptReport): Promise<void> {
    const { active, mover, parts } = this.#options;
    const { leg, attempt, token, jobId } = call;
    const { outcome, response, startedAt, endedAt } = report;
    this.#deciding += 1;
    try {
      const reported = { attempt, leg, token, outcome, response, startedAt, endedAt };
      await active.with(jobId, async (job) => {
        if (job === null) return;
        await mover.move(job, { type: 'outcome', leg, attempt, token, outcome }, reported);
      });
    } catch (error) {
      parts.logger.error({ jobId, attempt, err: error }, 'an outcome could not be written');
    } finally {
      this.#deciding -= 1;
    }
  }
}
