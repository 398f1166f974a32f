import { lineId, LimitLine, rank } from '@ezthrottle/engine';
import type {
  ArmedRef,
  ContendingCall,
  AttemptCall,
  CostSource,
  FairLineOptions,
  KeyPacer,
  KeyUse,
  LimitedEntry,
  LimitSpec,
  PaceStates,
} from '@ezthrottle/engine';
import type { ActiveJob } from './active-jobs.ts';
import type { CallStarter } from './call-starter.ts';
import type { Destination } from './destination.ts';
import type { DispatcherParts } from './dispatch-ports.ts';
import { fullName, type Lane, takesTurns } from './lane.ts';
import type { NamedLimit } from './limit-keys.ts';
import { laneStop, mayTell, TELL_EVERY_MS, tellWaiting } from './waiting-notices.ts';

/** What a call takes from one of its keys. */
interface Share {
  readonly key: string;
  readonly pacer: KeyPacer;
  readonly cost: number;
  readonly source: CostSource | null;
}

/** An armed call that waits for all of its keys. */
interface LimitedCall extends LimitedEntry {
  readonly keys: readonly Share[];
  readonly lane: Lane;
  readonly armed: ArmedRef;
  /** Whether others have to take turns with it. */
  readonly isContender: boolean;
}

export interface LimitedCallsOptions {
  readonly parts: Pick<DispatcherParts, 'clock' | 'executor' | 'notices' | 'ownership'>;
  readonly starter: Pick<CallStarter, 'jobOf' | 'start'>;
  /** Null: nothing is known of this key. */
  readonly pacerOf: (key: string) => KeyPacer | null;
  readonly fairness: FairLineOptions;
  /** Calls of this line have left it, or it does not take turns with others any more. */
  readonly onSent: (lane: Lane) => void;
}

/**
 * Armed calls that count against several keys, over all destinations. Calls without limits stand here as
 * well while others contend for their destination, so that all of them take turns.
 */
export class LimitedCalls {
  readonly #options: LimitedCallsOptions;
  readonly #line: LimitLine<LimitedCall>;
  /** Those in line, by their tokens. */
  readonly #waiting = new Map<string, LimitedCall>();
  #now = 0;
  #stopTimer: (() => void) | null = null;

  constructor(options: LimitedCallsOptions) {
    this.#options = options;
    const states: PaceStates = {
      get: (key) => this.#pacerOf(key).inForce(this.#now),
      set: (key, state) => this.#pacerOf(key).book(state, this.#now),
    };
    this.#line = new LimitLine<LimitedCall>(states, { fairness: options.fairness });
  }

  /** Puts what is armed in line; what stands there already keeps its place. */
  offer(lane: Lane): void {
    const { starter } = this.#options;
    const isFirst = takesTurns(lane) && lane.destination.contenders === 0;
    lane.armed.keep((armed) => {
      if (this.#waiting.has(armed.token)) return true;
      const job = starter.jobOf(armed);
      if (job !== undefined) this.#push(lane, armed, job);
      return job !== undefined;
    });
    const own = lane.destination.lanes.get(lane.destination.origin);
    if (isFirst && lane.destination.contenders > 0 && own !== undefined) this.offer(own);
  }

  /** Takes a call out that is not to be made. */
  withdraw(token: string): void {
    const call = this.#take(token);
    if (call !== null) this.#left(call);
  }

  /** A key's pace, its slots or its settings have changed. */
  wake(key: string): void {
    this.#line.wake(key, this.#options.parts.clock.monotonic());
  }

  /** Sends all that may go now, and sets the timer for the next. */
  run(): void {
    const { parts, onSent } = this.#options;
    if (parts.ownership?.mayAct() === false) return;
    const now = parts.clock.monotonic();
    const calls: AttemptCall[] = [];
    const touched = new Set<Lane>();
    this.#now = now;
    let turn = this.#line.next(now);
    for (; turn.verdict === 'go'; turn = this.#line.next(now)) {
      const { entry } = turn;
      const { lane, armed } = entry;
      this.#waiting.delete(armed.token);
      lane.armed.keep(({ token }) => token !== armed.token);
      touched.add(lane);
      const call = this.#start(entry, now);
      if (call !== null) calls.push(call);
      this.#left(entry);
    }
    if (calls.length > 0) parts.executor.run(calls);
    this.#runAt(turn.until, now);
    for (const lane of touched) onSent(lane);
  }

  /**
   * Tells those who watch a job of this line what it waits for.
   *
   * @returns When to tell again, on the monotonic clock; null: nobody watches.
   */
  tell(lane: Lane): number | null {
    const { parts } = this.#options;
    const now = parts.clock.monotonic();
    const { first } = lane.armed;
    const isWatched = first !== undefined && parts.notices.isWatched(first.jobId);
    if (!mayTell(lane, now)) return isWatched ? lane.toldAt + TELL_EVERY_MS : null;
    const keys = this.#waiting.get(lane.armed.first?.token ?? '')?.keys ?? [];
    const stop = laneStop(lane, (key) => keys.find((one) => one.key === key)?.cost ?? 1, now);
    const behind = { key: lane.destination.origin, reason: 'behind_others' as const, until: null };
    tellWaiting(lane, stop ?? behind, parts);
    return isWatched ? now + TELL_EVERY_MS : null;
  }

  /** A copy of the line, for a forecast. */
  fork<Call extends LimitedEntry>(
    states: PaceStates,
    isMeant: (key: string) => boolean,
    callOf: (call: ContendingCall) => Call,
  ): LimitLine<Call> {
    return this.#line.fork(states, isMeant, (entry) => {
      const { lane, armed } = entry;
      return callOf({ entry, place: lineId(armed.jobId, armed.leg), lane: fullName(lane) });
    });
  }

  stop(): void {
    this.#stopTimer?.();
    this.#stopTimer = null;
  }

  #push(lane: Lane, armed: ArmedRef, job: ActiveJob): void {
    const { clock } = this.#options.parts;
    const { apiKey, spec } = job;
    const { userId, priority } = spec;
    const leg = job.run.legs.find(({ id }) => id === armed.leg);
    const limits = spec.paths[leg?.path ?? -1]?.limits ?? [];
    const { pacer, key } = lane.destination;
    const keys: readonly Share[] = [
      { key, pacer, cost: 1, source: null },
      ...lane.limits.map((limit) => share(limit, limits)),
    ];
    // Among equals in the order of their coming, as in every line, so that it can be foretold.
    const id = `${lineId(armed.jobId, armed.leg)}:${armed.attempt}`;
    const place = { id, apiKey, userId, rank: rank(priority, clock.now()) };
    const isContender = takesTurns(lane);
    const call: LimitedCall = { ...place, keys, lane, armed, isContender };
    this.#waiting.set(armed.token, call);
    for (const { allotment } of lane.limits) allotment?.wanted();
    this.#line.push(call, clock.monotonic());
    if (isContender) lane.destination.contenders += 1;
    if (spec.executeBefore !== undefined) this.#endAt(call, spec.executeBefore);
  }

  /** Whoever waits here past its last moment is not made to wait on. */
  #endAt({ armed, lane }: LimitedCall, at: number): void {
    const { parts, onSent } = this.#options;
    parts.clock.after(Math.max(0, at - parts.clock.now()), () => {
      if (!this.#waiting.has(armed.token)) return;
      this.withdraw(armed.token);
      onSent(lane);
    });
  }

  #take(token: string): LimitedCall | null {
    const waiting = this.#waiting.get(token);
    if (waiting === undefined) return null;
    this.#waiting.delete(token);
    return this.#line.remove(waiting.id, this.#options.parts.clock.monotonic());
  }

  #start({ keys, lane, armed }: LimitedCall, now: number): AttemptCall | null {
    const { starter } = this.#options;
    const job = starter.jobOf(armed);
    if (job === undefined) {
      for (const { pacer } of keys) pacer.dropped(now);
      return null;
    }
    for (const { allotment } of lane.limits) allotment?.begun();
    const uses = keys.map(({ pacer, cost, source }): KeyUse => pacer.begun(now, cost, source));
    return starter.start(job, armed, lane, uses);
  }

  /** The last of those with limits leaves the others to themselves. */
  #left({ lane, isContender }: LimitedCall): void {
    if (!isContender) return;
    const { destination } = lane;
    destination.contenders -= 1;
    if (destination.contenders === 0) this.#part(destination);
  }

  /** From now on they are sent without a look at this line: what stayed here would be sent once more. */
  #part({ lanes }: Destination): void {
    const { clock } = this.#options.parts;
    for (const lane of lanes.values()) {
      if (lane.armed.length === 0) continue;
      for (const { token } of lane.armed) this.#take(token);
      // Later, since others may be about to join again in this very moment.
      clock.after(0, () => this.#options.onSent(lane));
    }
  }

  #runAt(until: number | null, now: number): void {
    const { clock } = this.#options.parts;
    this.#stopTimer?.();
    this.#stopTimer = null;
    if (until === null || !Number.isFinite(until)) return;
    this.#stopTimer = clock.after(Math.max(0, until - now), () => {
      this.#stopTimer = null;
      this.run();
    });
  }

  #pacerOf(key: string): KeyPacer {
    const pacer = this.#options.pacerOf(key);
    if (pacer === null) throw new Error(`nothing is known of the key ${key}`);
    return pacer;
  }
}

function share({ key, name, pacer, source }: NamedLimit, limits: readonly LimitSpec[]): Share {
  const said = limits.find((limit) => limit.key === name);
  const isSettled = said?.settleHeader !== undefined || said?.settlePath !== undefined;
  return { key, pacer, cost: said?.cost ?? 1, source: isSettled ? said : source };
}
