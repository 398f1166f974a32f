import {
  isTooLate,
  type KeyPacer,
  type KeyUse,
  type LimitedEntry,
  LimitLine,
  type LiveJob,
  rank,
} from '@ezthrottle/engine';
import type { ArmedRef, CostSource, LimitSpec } from '@ezthrottle/engine';
import type { VirtualClock } from '../time/virtual-clock.ts';
import type { Destinations, Lane, LaneKey } from './destinations.ts';

interface Share {
  readonly key: string;
  readonly pacer: KeyPacer;
  readonly cost: number;
  readonly source: CostSource | null;
}

interface ArmedCall extends LimitedEntry {
  readonly keys: readonly Share[];
  readonly lane: Lane;
  readonly armed: ArmedRef;
}

export interface CallLineParts {
  readonly clock: VirtualClock;
  readonly destinations: Destinations;
  /** The job of an attempt that is still to be sent; null: there is none. */
  readonly jobOf: (armed: ArmedRef) => LiveJob | null;
  /** Makes the call. */
  readonly start: (job: LiveJob, armed: ArmedRef, lane: Lane, uses: readonly KeyUse[]) => void;
  /** It is too late for this one: nothing was sent. */
  readonly giveUp: (job: LiveJob, armed: ArmedRef) => void;
  /** A call has left the line. */
  readonly onLeft: (lane: Lane) => void;
}

/** Armed calls of all destinations: each leaves when all of the keys that it counts against let it. */
export class CallLine {
  readonly #parts: CallLineParts;
  readonly #line: LimitLine<ArmedCall>;
  #now = 0;
  #stopTimer: (() => void) | null = null;

  constructor(parts: CallLineParts) {
    this.#parts = parts;
    this.#line = new LimitLine<ArmedCall>({
      get: (key) => parts.destinations.pacer(key).inForce(this.#now),
      set: (key, state) => parts.destinations.pacer(key).book(state, this.#now),
    });
  }

  /** Puts what is armed in line; what stands there keeps its place. */
  offer(lane: Lane): void {
    const { jobOf, clock } = this.#parts;
    lane.armed = lane.armed.filter((armed) => {
      if (this.#line.has(armed.token)) return true;
      const job = jobOf(armed);
      if (job === null) return false;
      this.#line.push(entryOf(lane, armed, job, clock.now()), clock.monotonic());
      this.#endAt(lane, armed, job);
      return true;
    });
  }

  withdraw(token: string): void {
    this.#line.remove(token, this.#parts.clock.monotonic());
  }

  wake(key: string): void {
    this.#line.wake(key, this.#parts.clock.monotonic());
  }

  /** Sends all that may go now, and sets the timer for the next. */
  run(): void {
    const { clock, onLeft } = this.#parts;
    const now = clock.monotonic();
    this.#now = now;
    const left = new Set<Lane>();
    let turn = this.#line.next(now);
    for (; turn.verdict === 'go'; turn = this.#line.next(now)) {
      this.#start(turn.entry, now);
      left.add(turn.entry.lane);
    }
    this.#stopTimer?.();
    this.#stopTimer = null;
    const { until } = turn;
    if (until !== null && Number.isFinite(until)) {
      this.#stopTimer = clock.after(until - now, () => this.run());
    }
    for (const lane of left) onLeft(lane);
  }

  #start({ keys, lane, armed }: ArmedCall, now: number): void {
    const { jobOf, start, giveUp, clock } = this.#parts;
    lane.armed = lane.armed.filter(({ token }) => token !== armed.token);
    const job = jobOf(armed);
    if (job === null || isTooLate(job.spec, clock.now())) {
      for (const { pacer } of keys) pacer.dropped(now);
      if (job !== null) giveUp(job, armed);
      return;
    }
    const uses = keys.map(({ pacer, cost, source }) => pacer.begun(now, cost, source));
    // Calls of a test leave at once.
    for (const use of uses) use.pacer.left(use, now);
    start(job, armed, lane, uses);
  }

  /** Whoever waits past its last moment is not made to wait on. */
  #endAt(lane: Lane, armed: ArmedRef, { spec }: LiveJob): void {
    const { clock, jobOf, giveUp, onLeft } = this.#parts;
    if (spec.executeBefore === undefined) return;
    clock.after(Math.max(0, spec.executeBefore - clock.now()), () => {
      if (!this.#line.has(armed.token)) return;
      this.withdraw(armed.token);
      lane.armed = lane.armed.filter(({ token }) => token !== armed.token);
      const job = jobOf(armed);
      if (job !== null) giveUp(job, armed);
      onLeft(lane);
    });
  }
}

function entryOf(lane: Lane, armed: ArmedRef, job: LiveJob, now: number): ArmedCall {
  const { apiKey, spec, run } = job;
  const leg = run.legs.find(({ id }) => id === armed.leg);
  const limits = spec.paths[leg?.path ?? -1]?.limits ?? [];
  return {
    id: armed.token,
    apiKey,
    userId: spec.userId,
    rank: rank(spec.priority, now),
    keys: lane.keys.map((key) => share(key, limits)),
    lane,
    armed,
  };
}

function share({ key, name, pacer, source }: LaneKey, limits: readonly LimitSpec[]): Share {
  const said = limits.find((limit) => limit.key === name);
  const isSettled = said?.settleHeader !== undefined || said?.settlePath !== undefined;
  return { key, pacer, cost: said?.cost ?? 1, source: isSettled ? said : source };
}
