import {
  legOf,
  lineId,
  lineOf,
  lineRef,
  type NewWork,
  pathOfLeg,
  type WorkRow,
} from '@ezthrottle/engine';
import type { Ownership } from '../cluster/ownership.ts';
import type { ActiveJob } from './active-jobs.ts';
import type { Armer } from './armer.ts';
import type { RunningCalls } from './calls.ts';
import type { Destinations } from './destinations.ts';
import type { DispatcherParts } from './dispatch-ports.ts';
import type { LineOwner } from './job-mover.ts';
import type { Lane } from './lane.ts';
import type { LimitedCalls } from './limited-calls.ts';
import type { Reports } from './reports.ts';

export interface StandingCallsOptions {
  readonly parts: Pick<DispatcherParts, 'peers'>;
  readonly ownership: Ownership;
  readonly destinations: Destinations;
  readonly armer: Pick<Armer, 'isArming'>;
  readonly limited: Pick<LimitedCalls, 'withdraw'>;
  readonly calls: Pick<RunningCalls, 'has'>;
  readonly reports: Pick<Reports, 'isDeciding'>;
  /** Delayed work was written, which is due at this moment. */
  readonly wakeAt: (at: number) => void;
  /** Something has come into this line. */
  readonly onStanding: (lane: Lane) => void;
}

/** Puts calls that are on disk into the lines in memory, or tells the node whose lines they are; and takes them out. */
export class StandingCalls {
  readonly #options: StandingCallsOptions;

  constructor(options: StandingCallsOptions) {
    this.#options = options;
  }

  /** Whether a part of it waits in memory. */
  queued(job: LineOwner, work: readonly NewWork[]): boolean {
    const { ownership, parts, wakeAt } = this.#options;
    for (const { state, readyAt } of work) if (state === 'delayed') wakeAt(readyAt);
    const { id: jobId, organization, apiKey, spec } = job;
    const ready = work.filter(({ state }) => state === 'ready');
    const rows = ready.map((row) => ({ ...row, jobId, organization, apiKey, userId: spec.userId }));
    const others = rows.filter(({ origin }) => !ownership.owns(organization, origin));
    if (others.length > 0) parts.peers?.put(others);
    return this.ready(rows);
  }

  /** These rows are ready on disk. Whether a part of them waits in memory. */
  ready(rows: readonly WorkRow[]): boolean {
    const { ownership, destinations, onStanding } = this.#options;
    let isInMemory = false;
    const touched = new Set<Lane>();
    for (const row of rows) {
      if (!ownership.owns(row.organization, row.origin)) continue;
      const lane = destinations.lane(row.organization, row.origin);
      if (lane.line.push(lineRef(row))) isInMemory = true;
      if (!lane.armed.has(row.apiKey)) lane.newcomers.add(row.apiKey);
      touched.add(lane);
    }
    for (const lane of touched) onStanding(lane);
    return isInMemory;
  }

  /** This leg must not be armed or sent any more. */
  withdraw(job: ActiveJob, leg: number): void {
    const { destinations, limited } = this.#options;
    const path = pathOfLeg(job.spec, legOf(job.run, leg));
    if (path === undefined) return;
    const lane = destinations.findLane(job.organization, lineOf(path));
    if (lane === null) return;
    lane.line.remove(lineId(job.id, leg));
    const place = lane.door.findIndex(({ ref }) => ref.jobId === job.id && ref.leg === leg);
    if (place !== -1) lane.door.splice(place, 1);
    lane.armed.keep((armed) => {
      const isOther = armed.jobId !== job.id || armed.leg !== leg;
      if (!isOther) limited.withdraw(armed.token);
      return isOther;
    });
  }

  /** Whether the attempt of this token is known to be on its way here. */
  isAtHand(token: string): boolean {
    const { armer, calls, destinations, reports } = this.#options;
    if (calls.has(token) || reports.isDeciding(token)) return true;
    if (armer.isArming(token)) return true;
    for (const { armed } of destinations.lanes()) {
      for (const ref of armed) if (ref.token === token) return true;
    }
    return false;
  }
}
