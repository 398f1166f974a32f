import {
  armedBound,
  legOf,
  lineRef,
  MAX_NEWCOMERS,
  pathOfLeg,
  takeToArm,
} from '@ezthrottle/engine';
import type { ArmedRef, LimitSpec, LineRef, WorkReads } from '@ezthrottle/engine';
import type { PutLine } from '../cluster/peers.ts';
import type { ActiveJob, ActiveJobs } from './active-jobs.ts';
import type { DispatchLimits } from './dispatch-limits.ts';
import type { DispatcherParts } from './dispatch-ports.ts';
import type { JobMover } from './job-mover.ts';
import type { AtDoor, Lane } from './lane.ts';
import type { Refill } from './line-window.ts';
import { laneStop } from './waiting-notices.ts';

/** A call that is due by the clock of the node that put it in line is looked at again, if it is at most so early here, in milliseconds. */
const MOST_EARLY_MS = 10_000;

/** Accounts whose rows are read at the same time. */
const READS_AT_ONCE = 8;

export interface ArmerOptions {
  readonly parts: Pick<DispatcherParts, 'clock' | 'logger'>;
  readonly work: Pick<WorkReads, 'ready'>;
  readonly limits: Pick<DispatchLimits, 'armAheadMs' | 'maxArmed' | 'windowPerAccount'>;
  readonly active: Pick<ActiveJobs, 'with' | 'size'>;
  readonly mover: Pick<JobMover, 'arm'>;
  /** Called when something was armed, or when somebody else's turn has come. */
  readonly onArmed: (lane: Lane) => void;
  /** What stands in this line is not due here for so many milliseconds. Absent: one clock has said when it is due. */
  readonly onEarly?: ((line: PutLine, earlyMs: number) => void) | undefined;
}

/** Takes from the lines whose turn it is, and commits their attempts ahead of the pace. */
export class Armer {
  readonly #options: ArmerOptions;
  #arming = 0;
  /** Tokens whose arming is on disk, and that do not stand in their line yet. */
  readonly #fresh = new Set<string>();
  #isOpen = false;

  constructor(options: ArmerOptions) {
    this.#options = options;
  }

  /** Attempts whose arming is being committed. */
  get arming(): number {
    return this.#arming;
  }

  /** Whether the attempt of this token was armed a moment ago and will stand in its line. */
  isArming(token: string): boolean {
    return this.#fresh.has(token);
  }

  /** How many more attempts of this line may be armed now. */
  room(lane: Lane): number {
    if (!this.#isOpen || lane.door.length > 0) return 0;
    const { limits, parts } = this.#options;
    return this.#room(lane, boundOf(lane, limits.armAheadMs, parts.clock.monotonic()));
  }

  #room(lane: Lane, bound: number): number {
    const { limits, active } = this.#options;
    const left = limits.maxArmed - active.size - this.#arming;
    return Math.max(0, Math.min(left, bound - lane.armed.length - lane.arming));
  }

  /** Whether a call of such costs that is armed now can go at once. */
  isOpenFor(lane: Lane, costOf: AtDoor['costOf']): boolean {
    if (lane.armed.length + lane.arming > 0) return false;
    return laneStop(lane, costOf, this.#options.parts.clock.monotonic()) === null;
  }

  /** Claims room for attempts that are armed with their job's own submit. */
  claim(lane: Lane, count: number): void {
    lane.arming += count;
    this.#arming += count;
  }

  unclaim(lane: Lane, count: number): void {
    lane.arming -= count;
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
  fill(lane: Lane): void {
    if (!this.#isOpen) return;
    if (lane.door.length > 0) {
      this.#passDoor(lane);
      return;
    }
    const { limits, parts } = this.#options;
    const ahead = lane.armed.length + lane.arming;
    const bound = boundOf(lane, limits.armAheadMs, parts.clock.monotonic());
    const free = this.#room(lane, bound);
    const refs = takeToArm(() => lane.line.next(), lane.newcomers, {
      // Half of it at a time: one commit then serves many calls.
      ordinary: free >= ahead ? free : 0,
      most: bound === 0 ? 0 : bound + MAX_NEWCOMERS - ahead,
    });
    if (refs.length > 0) void this.#arm(lane, refs);
    if (lane.line.isHungry) void this.#refill(lane);
  }

  /** Lets the first at the door through if it can go at once. */
  #passDoor(lane: Lane): void {
    const [first] = lane.door;
    if (first === undefined || this.isFull || !this.isOpenFor(lane, first.costOf)) return;
    lane.door.shift();
    void this.#arm(lane, [first.ref], true);
  }

  async #arm(lane: Lane, refs: readonly LineRef[], isAtDoor = false): Promise<void> {
    this.claim(lane, refs.length);
    const armed = await Promise.all(refs.map((ref) => this.#armOne(lane, ref, isAtDoor)));
    this.unclaim(lane, refs.length);
    for (const [index, one] of armed.entries()) {
      if (one === null) continue;
      if ('costOf' in one) {
        lane.door.push(one);
        continue;
      }
      lane.armed.push(one, refs[index]?.apiKey ?? '');
      this.#fresh.delete(one.token);
    }
    this.#options.onArmed(lane);
  }

  async #armOne(lane: Lane, ref: LineRef, isAtDoor: boolean): Promise<ArmedRef | AtDoor | null> {
    const { active, mover, parts } = this.#options;
    try {
      return await active.with(ref.jobId, async (job) => {
        if (job?.spec.repeat === 'never' && !isAtDoor) {
          const path = pathOfLeg(job.spec, legOf(job.run, ref.leg));
          return { ref, costOf: costsIn(lane, path?.limits) };
        }
        const armed = job === null ? null : await mover.arm(job, ref.leg);
        if (armed !== null) this.#fresh.add(armed.token);
        else if (job !== null) this.#tellEarly(lane, ref, job);
        return armed;
      });
    } catch (error) {
      parts.logger.error(
        { event: 'attempt_not_armed', jobId: ref.jobId, err: error },
        'an attempt could not be armed',
      );
      return null;
    }
  }

  /** Its row says that it is due: it was put in line by a node whose clock is ahead. */
  #tellEarly({ destination, name }: Lane, { apiKey, userId, leg }: LineRef, job: ActiveJob): void {
    const { onEarly, parts } = this.#options;
    const waiting = legOf(job.run, leg);
    if (onEarly === undefined || waiting?.state !== 'waiting') return;
    const earlyMs = waiting.readyAt - parts.clock.now();
    if (earlyMs <= 0 || earlyMs > MOST_EARLY_MS) return;
    onEarly({ organization: destination.organization, origin: name, apiKey, userId }, earlyMs);
  }

  async #refill(lane: Lane): Promise<void> {
    if (lane.isRefilling) return;
    lane.isRefilling = true;
    let hasRead = false;
    try {
      for (;;) {
        const hungry = lane.line.takeHungry(READS_AT_ONCE);
        if (hungry.length === 0 || !this.#isOpen) break;
        await Promise.all(hungry.map((refill) => this.#read(lane, refill)));
        hasRead = true;
      }
    } finally {
      lane.isRefilling = false;
    }
    if (hasRead) this.#options.onArmed(lane);
  }

  async #read(lane: Lane, { account, after }: Refill): Promise<void> {
    const { work, limits, parts } = this.#options;
    const { line, name, destination } = lane;
    const { organization } = destination;
    const limit = limits.windowPerAccount;
    try {
      const rows = await work.ready({ organization, origin: name, ...account }, after, limit);
      line.refilled(account, rows.map(lineRef), rows.length < limit);
    } catch (error) {
      parts.logger.error(
        { event: 'line_unreadable', line: name, err: error },
        'a line could not be read',
      );
      line.addBacklog(account);
    }
  }
}

/** What a call that names these limits takes from each key of its line. */
export function costsIn(lane: Lane, limits: readonly LimitSpec[] = []): AtDoor['costOf'] {
  return (key) => {
    const name = lane.limits.find((limit) => limit.key === key)?.name;
    return limits.find((limit) => limit.key === name)?.cost ?? 1;
  };
}

/** What is armed ahead of the slowest of its keys would only wait. */
function boundOf({ destination, limits }: Lane, armAheadMs: number, now: number): number {
  let bound = armedBound(destination.pacer.paceAhead(now), armAheadMs, now);
  for (const { pacer } of limits) {
    bound = Math.min(bound, armedBound(pacer.paceAhead(now), armAheadMs, now));
  }
  return bound;
}
