import { type Clock, slotOf, type UnderWay } from '@ezthrottle/engine';
import type { ActiveJobs } from './active-jobs.ts';
import type { RunningCalls } from './calls.ts';
import type { Destinations, PaceRow } from './destinations.ts';
import type { DispatchLogger } from './dispatch-ports.ts';
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
  readonly logger: DispatchLogger;
  /** Must not reject. */
  readonly putPace: (rows: readonly PaceRow[]) => Promise<void>;
}

/** How often it is looked what has come to rest, in milliseconds. */
const LOOK_MS = 10;

/**
 * Gives lines away to other nodes: what is armed and was not sent stands in line again, what runs is waited
 * for, and what the destinations have taught is written down for whoever comes next.
 */
export class Handover {
  readonly #options: HandoverOptions;
  /** Slots that are being given up, and what of them was under way when it was looked at last. */
  readonly #leaving = new Map<number, UnderWay>();
  #stopTimer: (() => void) | null = null;

  constructor(options: HandoverOptions) {
    this.#options = options;
  }

  /** These slots are not this node's any more, or are about to be given up. */
  leave(slots: Iterable<number>): void {
    for (const slot of slots) this.#leaving.set(slot, 'writes');
    this.#look();
  }

  /** They are this node's again. */
  stay(slots: Iterable<number>): void {
    for (const slot of slots) this.#leaving.delete(slot);
  }

  /** `nothing` only once all that the slot has taught is written down. */
  underWayIn(slot: number): UnderWay {
    return this.#leaving.get(slot) ?? 'nothing';
  }

  stop(): void {
    this.#stopTimer?.();
    this.#stopTimer = null;
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

  #look(): void {
    this.#stopTimer?.();
    this.#stopTimer = null;
    if ([...this.#leaving.values()].every((underWay) => underWay === 'nothing')) return;
    void this.#settle().then(() => {
      const { clock } = this.#options;
      this.#stopTimer ??= clock.after(LOOK_MS, () => this.#look());
    });
  }

  async #settle(): Promise<void> {
    const { destinations, logger, putPace } = this.#options;
    const lanes = [...destinations.lanes()].filter((lane) => this.#leaving.has(slotOfLane(lane)));
    for (const lane of lanes) replan(lane);
    try {
      await this.handBack(lanes);
    } catch (error) {
      logger.error(
        { event: 'attempts_not_handed_back', err: error },
        'attempts of slots that are given up could not be handed back',
      );
    }
    const busy = this.#busySlots(lanes);
    const quiet = new Set<number>();
    for (const [slot, was] of this.#leaving) {
      const underWay = busy.get(slot);
      if (underWay !== undefined) this.#leaving.set(slot, underWay);
      else if (was !== 'nothing') quiet.add(slot);
    }
    if (quiet.size === 0) return;
    for (const slot of quiet) this.#leaving.set(slot, 'writes');
    await putPace(
      destinations.forget((organization, line) => quiet.has(slotOf(organization, line))),
    );
    for (const slot of quiet) if (this.#leaving.has(slot)) this.#leaving.set(slot, 'nothing');
  }

  #busySlots(lanes: readonly Lane[]): ReadonlyMap<number, UnderWay> {
    const { calls, reports } = this.#options;
    const busy = new Map<number, UnderWay>();
    for (const { lane } of calls.values()) busy.set(slotOfLane(lane), 'calls');
    for (const lane of lanes) if (lane.armed.length > 0) busy.set(slotOfLane(lane), 'calls');
    for (const lane of reports.lanes()) busy.set(slotOfLane(lane), 'writes');
    for (const lane of lanes) if (lane.arming > 0) busy.set(slotOfLane(lane), 'writes');
    return busy;
  }
}

function slotOfLane({ destination, name }: Lane): number {
  return slotOf(destination.organization, name);
}
