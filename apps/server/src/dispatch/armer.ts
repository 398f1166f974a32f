import { armedBound, lineRef } from '@ezthrottle/engine';
import type { ArmedRef, LineRef, WorkReads } from '@ezthrottle/engine';
import type { ActiveJobs } from './active-jobs.ts';
import { type Destination, pacedNow } from './destination.ts';
import type { DispatchLimits } from './dispatch-limits.ts';
import type { DispatcherParts } from './dispatch-ports.ts';
import type { JobMover } from './job-mover.ts';
import type { Refill } from './line-window.ts';

/** Accounts whose rows are read at the same time. */
const READS_AT_ONCE = 8;

export interface ArmerOptions {
  readonly parts: Pick<DispatcherParts, 'clock' | 'logger'>;
  readonly work: Pick<WorkReads, 'ready'>;
  readonly limits: Pick<DispatchLimits, 'armAheadMs' | 'maxArmed' | 'windowPerAccount'>;
  readonly active: ActiveJobs;
  readonly mover: JobMover;
  /** Called when something was armed, or when somebody else's turn has come. */
  readonly onArmed: (destination: Destination) => void;
}

/** Takes from the lines whose turn it is, and commits their attempts ahead of the pace. */
export class Armer {
  readonly #options: ArmerOptions;
  #arming = 0;
  #isOpen = false;

  constructor(options: ArmerOptions) {
    this.#options = options;
  }

  /** Attempts whose arming is being committed. */
  get arming(): number {
    return this.#arming;
  }

  /** How many more attempts may be armed at this destination now. */
  room(destination: Destination): number {
    const { limits, active, parts } = this.#options;
    if (!this.#isOpen) return 0;
    const bound = armedBound(pacedNow(destination), limits.armAheadMs, parts.clock.monotonic());
    const left = limits.maxArmed - active.size - this.#arming;
    return Math.max(0, Math.min(left, bound - destination.armed.length - destination.arming));
  }

  /** Claims room for attempts that are armed with their job's own submit. */
  claim(destination: Destination, count: number): void {
    destination.arming += count;
    this.#arming += count;
  }

  unclaim(destination: Destination, count: number): void {
    destination.arming -= count;
    this.#arming -= count;
  }

  /** Whether the bound over all destinations is reached. */
  get isFull(): boolean {
    return this.#options.active.size + this.#arming >= this.#options.limits.maxArmed;
  }

  /** Nothing is armed before. */
  open(): void {
    this.#isOpen = true;
  }

  /** Nothing is armed from now on. */
  close(): void {
    this.#isOpen = false;
  }

  /** Arms as many as there is room for, and reads on where lines run low. */
  fill(destination: Destination): void {
    const ahead = destination.armed.length + destination.arming;
    // Half of it at a time: one commit then serves many calls.
    const room = this.room(destination) >= ahead ? this.room(destination) : 0;
    const refs: LineRef[] = [];
    while (refs.length < room) {
      const ref = destination.line.next();
      if (ref === null) break;
      refs.push(ref);
    }
    if (refs.length > 0) void this.#arm(destination, refs);
    if (this.#isOpen) void this.#refill(destination);
  }

  async #arm(destination: Destination, refs: readonly LineRef[]): Promise<void> {
    this.claim(destination, refs.length);
    const armed = await Promise.all(refs.map((ref) => this.#armOne(ref)));
    this.unclaim(destination, refs.length);
    for (const one of armed) if (one !== null) destination.armed.push(one);
    this.#options.onArmed(destination);
  }

  async #armOne(ref: LineRef): Promise<ArmedRef | null> {
    const { active, mover, parts } = this.#options;
    try {
      return await active.with(ref.jobId, async (job) =>
        job === null ? null : await mover.arm(job, ref.leg),
      );
    } catch (error) {
      parts.logger.error({ jobId: ref.jobId, err: error }, 'an attempt could not be armed');
      return null;
    }
  }

  async #refill(destination: Destination): Promise<void> {
    if (destination.isRefilling) return;
    destination.isRefilling = true;
    let hasRead = false;
    try {
      for (;;) {
        const hungry = destination.line.takeHungry(READS_AT_ONCE);
        if (hungry.length === 0 || !this.#isOpen) break;
        await Promise.all(hungry.map((refill) => this.#read(destination, refill)));
        hasRead = true;
      }
    } finally {
      destination.isRefilling = false;
    }
    if (hasRead) this.#options.onArmed(destination);
  }

  async #read(destination: Destination, { account, after }: Refill): Promise<void> {
    const { work, limits, parts } = this.#options;
    const { organization, origin, line } = destination;
    const limit = limits.windowPerAccount;
    try {
      const rows = await work.ready({ organization, origin, ...account }, after, limit);
      line.refilled(account, rows.map(lineRef), rows.length < limit);
    } catch (error) {
      parts.logger.error({ origin, err: error }, 'a line could not be read');
      line.addBacklog(account);
    }
  }
}
