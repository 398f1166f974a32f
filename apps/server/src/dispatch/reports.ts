import type { AttemptReport } from '@ezthrottle/engine';
import type { ActiveJobs } from './active-jobs.ts';
import type { RunningCall, RunningCalls } from './calls.ts';
import type { DispatcherParts } from './dispatch-ports.ts';
import type { JobMover } from './job-mover.ts';
import type { Lane } from './lane.ts';

export interface ReportsOptions {
  readonly parts: Pick<DispatcherParts, 'clock' | 'logger' | 'regions' | 'keptReport' | 'signals'>;
  readonly active: ActiveJobs;
  readonly calls: RunningCalls;
  readonly mover: JobMover;
  /** A key's pace or its slots have changed. */
  readonly onKeyChanged: (key: string) => void;
  /** Called once for each line of which calls have ended, when all of the reports are taken in. */
  readonly onFreed: (lane: Lane) => void;
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
    const freed = new Set<Lane>();
    for (const report of reports) {
      const call = calls.take(report.token);
      if (call === undefined) continue;
      this.#learn(call, report);
      freed.add(call.lane);
      void this.#decide(call, this.#kept(call, report));
    }
    for (const lane of freed) onFreed(lane);
  }

  #learn(call: RunningCall, report: AttemptReport): void {
    const { uses, lane, region, jobId, attempt } = call;
    const { parts, onKeyChanged } = this.#options;
    const now = parts.clock.monotonic();
    const { organization, origin } = lane.destination;
    parts.regions?.after(organization, origin, region, report.outcome);
    parts.signals?.answered?.({ jobId, attempt, organization, origin, region, report });
    const leftAt = uses[0]?.sentAt ?? null;
    if (leftAt !== null && report.outcome.kind === 'response') {
      lane.destination.record?.answered(now - leftAt);
    }
    const { pacer } = lane.destination;
    const before = pacer.circuit.state;
    for (const use of uses) {
      use.pacer.ended(use, report, now, parts.clock.now());
      if (lane.destination.contenders > 0 || uses.length > 1) onKeyChanged(use.pacer.key);
    }
    const { state } = pacer.circuit;
    if (state !== before) parts.signals?.circuitChanged?.(organization, origin, state);
  }

  /** What paces has been learned by now; from here on the report is written down and shown. */
  #kept({ lane }: RunningCall, report: AttemptReport): AttemptReport {
    const { keptReport } = this.#options.parts;
    return keptReport === undefined ? report : keptReport(lane.destination.organization, report);
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
      parts.logger.error(
        { event: 'outcome_not_written', jobId, attempt, err: error },
        'an outcome could not be written',
      );
    } finally {
      this.#deciding -= 1;
    }
  }
}
