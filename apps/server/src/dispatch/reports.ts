import type { AttemptReport, Outcome } from '@ezthrottle/engine';
import { withheldReport } from '../execute/withheld-report.ts';
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
  /** These keys are to be left alone for a while, as answers have just said. */
  readonly onPaused: (keys: ReadonlySet<string>) => void;
}

/** A report as it is written down and shown, with the outcome by which its job is decided. */
interface KeptReport {
  readonly report: AttemptReport;
  readonly decidedOn: Outcome;
}

/** A pause that an answer adds is written down at once if it is longer, in milliseconds. */
const WRITTEN_PAUSE_MS = 250;

/** Takes what calls gave: frees their slots, learns their pace, and has their jobs decided. */
export class Reports {
  readonly #options: ReportsOptions;
  /** Calls that are over and not yet decided, by their tokens. */
  readonly #deciding = new Map<string, Lane>();

  constructor(options: ReportsOptions) {
    this.#options = options;
  }

  /** Reports whose jobs are being decided. */
  get deciding(): number {
    return this.#deciding.size;
  }

  isDeciding(token: string): boolean {
    return this.#deciding.has(token);
  }

  /** Lines of which outcomes are being decided. */
  lanes(): Iterable<Lane> {
    return this.#deciding.values();
  }

  take(reports: readonly AttemptReport[]): void {
    const { calls, onFreed, onPaused } = this.#options;
    const freed = new Set<Lane>();
    const paused = new Set<string>();
    for (const report of reports) {
      const call = calls.take(report.token);
      if (call === undefined) continue;
      for (const key of this.#learn(call, report)) paused.add(key);
      freed.add(call.lane);
      void this.#decide(call, this.#kept(call, report));
    }
    if (paused.size > 0) onPaused(paused);
    for (const lane of freed) onFreed(lane);
  }

  /** @returns The keys that it pauses. */
  #learn(call: RunningCall, report: AttemptReport): readonly string[] {
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
    const paused: string[] = [];
    for (const use of uses) {
      const from = Math.max(now, use.pacer.pace.pausedUntil ?? now);
      use.pacer.ended(use, report, now, parts.clock.now());
      const until = use.pacer.pace.pausedUntil ?? from;
      if (until - from > WRITTEN_PAUSE_MS) paused.push(use.pacer.key);
      if (lane.destination.contenders > 0 || uses.length > 1) onKeyChanged(use.pacer.key);
    }
    lane.destination.allotment?.freed();
    const { state } = pacer.circuit;
    if (state !== before) parts.signals?.circuitChanged?.(organization, origin, state);
    return paused;
  }

  #kept({ lane }: RunningCall, report: AttemptReport): KeptReport {
    const { keptReport, logger } = this.#options.parts;
    if (keptReport === undefined) return { report, decidedOn: report.outcome };
    try {
      const kept = keptReport(lane.destination.organization, report);
      // The rules look at headers and keep none: what must not be shown may still say where to go, and when.
      const isAnswer = report.outcome.kind === 'response';
      return { report: kept, decidedOn: isAnswer ? report.outcome : kept.outcome };
    } catch (error) {
      logger.error(
        { event: 'report_withheld', err: error },
        'an answer could not be looked through',
      );
      const withheld = withheldReport(report);
      return { report: withheld, decidedOn: withheld.outcome };
    }
  }

  async #decide(call: RunningCall, { report, decidedOn }: KeptReport): Promise<void> {
    const { active, mover, parts } = this.#options;
    const { leg, attempt, token, jobId, startedAt } = call;
    const { outcome, response, endedAt } = report;
    this.#deciding.set(token, call.lane);
    try {
      const reported = { attempt, leg, token, outcome, response, startedAt, endedAt };
      const event = { type: 'outcome', leg, attempt, token, outcome: decidedOn } as const;
      await active.withLatest(jobId, (job) => mover.move(job, event, reported));
    } catch (error) {
      parts.logger.error(
        { event: 'outcome_not_written', jobId, attempt, err: error },
        'an outcome could not be written',
      );
    } finally {
      this.#deciding.delete(token);
    }
  }
}
