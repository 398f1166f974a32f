import { type Clock, type Id, slotOf } from '@ezthrottle/engine';
import type { ActiveJobs } from './active-jobs.ts';
import type { RunningCalls } from './calls.ts';
import type { Destinations, PaceRow } from './destinations.ts';
import type { JobMover } from './job-mover.ts';
import { type Lane, replan } from './lane.ts';
import type { LimitedCalls } from './limited-calls.ts';
import type { Reports } from './reports.ts';

export interface HandoverOptions {
  readonly clock: Clock;
  readonly destinations: Destinations;
  readonly active: ActiveJobs;
  readonly mover: JobMover;
  readonly calls: RunningCalls;
  readonly reports: Reports;
  readonly limited: LimitedCalls;
  readonly putPace: (rows: readonly PaceRow[]) => Promise<void>;
}

/** How often it is looked whether all is done, in milliseconds. */
const LOOK_MS = 5;

/**
 * Gives lines away to other nodes: what is armed and was not sent stands in line again, what runs is waited
 * for, and what the destinations have taught is written down for whoever comes next.
 */
export class Handover {
  readonly #options: HandoverOptions;

  constructor(options: HandoverOptions) {
    this.#options = options;
  }

  /** @returns Whether nothing of them is under way any more; false: calls have outlasted `patienceMs`. */
  async release(slots: ReadonlySet<number>, patienceMs: number): Promise<boolean> {
    const { clock, destinations } = this.#options;
    const lanes = [...destinations.lanes()].filter(({ destination, name }) =>
      slots.has(slotOf(destination.organization, name)),
    );
    const deadline = clock.monotonic() + patienceMs;
    for (const lane of lanes) replan(lane);
    for (;;) {
      await this.handBack(lanes);
      if (!lanes.some((lane) => this.#isBusy(lane))) break;
      if (clock.monotonic() >= deadline) return false;
      await new Promise<void>((resolve) => {
        clock.after(LOOK_MS, resolve);
      });
    }
    await this.#options.putPace(
      destinations.forget(({ organization, origin }: { organization: Id; origin: string }) =>
        slots.has(slotOf(organization, origin)),
      ),
    );
    return true;
  }

  /** What is armed at these lines and was not sent stands in line again. */
  async handBack(lanes: Iterable<Lane>): Promise<void> {
    const { active, limited, mover } = this.#options;
    const handed: Promise<unknown>[] = [];
    for (const lane of lanes) {
      for (const ref of lane.armed.drain()) {
        limited.withdraw(ref.token);
        handed.push(active.withLatest(ref.jobId, (job) => mover.handBack(job, ref)));
      }
    }
    await Promise.all(handed);
  }

  #isBusy(lane: Lane): boolean {
    const { calls, reports } = this.#options;
    if (lane.arming > 0 || lane.armed.length > 0 || reports.isDecidingAt(lane)) return true;
    for (const call of calls.values()) if (call.lane === lane) return true;
    return false;
  }
}
