import { rank } from '../admit/rank.ts';
import { ARM_AHEAD_MS, armedBound } from '../apply/armed-bound.ts';
import { EarliestFirst } from '../pace/earliest-first.ts';
import type { FairLine, FairLineOptions, LineEntry } from '../pace/fair-line.ts';
import type { KeyPacer, KeyUse } from '../pace/key-pacer.ts';
import type { LimitedEntry } from '../pace/limit-gate.ts';
import { LimitLine } from '../pace/limit-line.ts';

/** A line of calls that count against the very same keys. */
export interface ForecastLane {
  readonly name: string;
  /** The destination's first. */
  readonly keys: readonly string[];
  /** Calls that are armed and not sent, in their order. */
  readonly armed: readonly LineEntry[];
  /** Who waits behind them. It is used up: give it a fork. */
  readonly line: FairLine<LineEntry>;
  /** Whether armed calls go in their order, as where nothing but the destination holds them back. */
  readonly isOrdered: boolean;
}

/** A call that is out. */
export interface ForecastCall {
  /** Of pacers of this forecast. */
  readonly uses: readonly KeyUse[];
  /** When it is taken to end, on the monotonic clock. */
  readonly endsAt: number;
}

/** A call that comes into line later. */
export interface ForecastJoin {
  /** On the monotonic clock. */
  readonly at: number;
  readonly lane: string;
  readonly entry: LineEntry;
}

export interface ForecastOptions {
  /** On the monotonic clock. */
  readonly now: number;
  /** At the same moment, in milliseconds since the epoch. */
  readonly wallNow: number;
  /** Forks of all keys that the lanes name: the forecast changes them. */
  readonly pacers: ReadonlyMap<string, KeyPacer>;
  readonly lanes: readonly ForecastLane[];
  readonly running: readonly ForecastCall[];
  readonly joins: readonly ForecastJoin[];
  /** What a call takes from a key. Default 1. */
  readonly costOf?: (id: string, key: string) => number;
  readonly priorityOf?: (id: string) => number;
  readonly fairness?: FairLineOptions;
  /** How far it looks ahead, in milliseconds. Default `FORECAST_HORIZON_MS`. */
  readonly horizonMs?: number;
}

/** A call that would be sent. */
export interface ForecastStart {
  readonly id: string;
  readonly apiKey: string;
  readonly userId: string;
  readonly lane: string;
  /** On the monotonic clock. */
  readonly at: number;
}

/** Time that a call is taken to need where none has ended yet, in milliseconds. */
export const ASSUMED_CALL_MS = 200;
/** Default of `horizonMs`. */
export const FORECAST_HORIZON_MS = 604_800_000;

interface Lane {
  readonly name: string;
  readonly keys: readonly string[];
  readonly line: FairLine<LineEntry>;
  readonly isOrdered: boolean;
  armed: number;
  /** When it is looked at again for a pause's end; null: it is not. */
  looksAt: number | null;
}

interface Call extends LimitedEntry {
  readonly lane: Lane;
  readonly place: LineEntry;
}

type Moment =
  | { readonly kind: 'end'; readonly uses: readonly KeyUse[] }
  | { readonly kind: 'join'; readonly lane: Lane; readonly entry: LineEntry }
  | { readonly kind: 'look'; readonly lane: Lane };

/**
 * What would happen from now on by the very rules by which calls are sent, if nothing else came: no call
 * that does not stand in line yet, no change, every call answered with 200 after its destination's usual
 * time. Works on forks, so that nothing real is touched. Mutable and deterministic.
 */
export class Forecast {
  /** In the order of their sending. */
  readonly starts: ForecastStart[] = [];
  readonly #options: ForecastOptions;
  readonly #line: LimitLine<Call>;
  readonly #lanes = new Map<string, Lane>();
  readonly #lanesOf = new Map<string, Lane[]>();
  readonly #moments = new EarliestFirst<Moment>();
  readonly #end: number;
  #now: number;
  #pushed = 0;

  constructor(options: ForecastOptions) {
    const { now, horizonMs = FORECAST_HORIZON_MS, pacers, fairness = {} } = options;
    this.#options = options;
    this.#now = now;
    this.#end = now + horizonMs;
    const states = {
      get: (key: string) => this.#pacer(key).inForce(this.#now),
      set: (key: string, state: KeyPacer['pace']) => this.#pacer(key).book(state, this.#now),
    };
    this.#line = new LimitLine<Call>(states, { fairness });
    for (const { name, keys, line, isOrdered, armed } of options.lanes) {
      const lane: Lane = { name, keys, line, isOrdered, armed: 0, looksAt: null };
      this.#lanes.set(name, lane);
      for (const key of keys) this.#lanesOf.set(key, [...(this.#lanesOf.get(key) ?? []), lane]);
      for (const entry of armed) this.#push(lane, entry);
    }
    for (const { uses, endsAt } of options.running) {
      this.#moments.push(Math.max(now, endsAt), { kind: 'end', uses });
    }
    for (const { at, lane: name, entry } of options.joins) {
      const lane = this.#lanes.get(name);
      if (lane !== undefined) this.#moments.push(at, { kind: 'join', lane, entry });
    }
    if (pacers.size > 0) for (const lane of this.#lanes.values()) this.#fill(lane);
  }

  /**
   * Goes on until this call has been sent, or until so many more have, or until nothing is left to happen.
   *
   * @param id Null: no particular one.
   * @returns Whether it is over: the call was sent, or nothing is left.
   */
  run(id: string | null, most: number): boolean {
    const last = this.starts.length + most;
    while (this.starts.length < last) {
      const turn = this.#line.next(this.#now);
      if (turn.verdict === 'go') {
        this.#start(turn.entry);
        if (turn.entry.place.id === id) return true;
        continue;
      }
      if (!this.#moveOn(turn.until)) return true;
    }
    return false;
  }

  /** To the next moment at which anything happens; false: there is none. */
  #moveOn(until: number | null): boolean {
    const first = this.#moments.peek();
    const at = Math.min(first?.at ?? Number.POSITIVE_INFINITY, until ?? Number.POSITIVE_INFINITY);
    if (at > this.#end) return false;
    this.#now = Math.max(this.#now, at);
    for (;;) {
      const due = this.#moments.peek();
      if (due === null || due.at > this.#now) return true;
      this.#moments.pop();
      this.#happen(due.item);
    }
  }

  #happen(moment: Moment): void {
    switch (moment.kind) {
      case 'end': {
        const outcome = { kind: 'response', status: 200, headers: {} } as const;
        for (const use of moment.uses) {
          use.pacer.ended(use, { outcome, response: null }, this.#now, this.#wallNow());
          this.#line.wake(use.pacer.key, this.#now);
        }
        for (const { pacer } of moment.uses) {
          for (const lane of this.#lanesOf.get(pacer.key) ?? []) this.#fill(lane);
        }
        return;
      }
      case 'join':
        moment.lane.line.push(moment.entry);
        this.#fill(moment.lane);
        return;
      case 'look':
        moment.lane.looksAt = null;
        this.#fill(moment.lane);
    }
  }

  #start({ place, lane, keys }: Call): void {
    const now = this.#now;
    const { id, apiKey, userId } = place;
    this.starts.push({ id, apiKey, userId, lane: lane.name, at: now });
    const uses = keys.map(({ key, cost }) => {
      const use = this.#pacer(key).begun(now, cost);
      use.pacer.left(use, now);
      return use;
    });
    const callMs = uses[0]?.pacer.callMs ?? ASSUMED_CALL_MS;
    this.#moments.push(now + callMs, { kind: 'end', uses });
    lane.armed -= 1;
    this.#fill(lane);
  }

  /** Arms what the lane's keys have room for, as those do who send. */
  #fill(lane: Lane): void {
    const now = this.#now;
    const paces = lane.keys.map((key) => this.#pacer(key).paceAhead(now));
    const bound = Math.min(...paces.map((pace) => armedBound(pace, ARM_AHEAD_MS, now)));
    const free = bound - lane.armed;
    if (free >= lane.armed) {
      for (let count = 0; count < free; count += 1) {
        const entry = lane.line.next();
        if (entry === null) break;
        this.#push(lane, entry);
      }
    }
    if (lane.line.size === 0) return;
    const pauseEnd = Math.max(...paces.map(({ pausedUntil }) => pausedUntil ?? now));
    const isLooking = lane.looksAt !== null && lane.looksAt <= pauseEnd;
    if (pauseEnd <= now || pauseEnd > this.#end || isLooking) return;
    lane.looksAt = pauseEnd;
    this.#moments.push(pauseEnd, { kind: 'look', lane });
  }

  #push(lane: Lane, place: LineEntry): void {
    const { costOf, priorityOf } = this.#options;
    const { id, apiKey, userId } = place;
    const keys = lane.keys.map((key, index) => ({
      key,
      cost: index === 0 ? 1 : (costOf?.(id, key) ?? 1),
    }));
    this.#pushed += 1;
    const turn = lane.isOrdered
      ? { apiKey: '', userId: '', rank: this.#pushed }
      : { apiKey, userId, rank: rank(priorityOf?.(id) ?? 0, this.#wallNow()) };
    lane.armed += 1;
    this.#line.push({ id, ...turn, keys, lane, place }, this.#now);
  }

  #pacer(key: string): KeyPacer {
    const pacer = this.#options.pacers.get(key);
    if (pacer === undefined) throw new Error(`the forecast knows nothing of the key ${key}`);
    return pacer;
  }

  #wallNow(): number {
    return this.#options.wallNow + this.#now - this.#options.now;
  }
}
