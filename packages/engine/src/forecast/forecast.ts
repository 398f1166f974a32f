import { rank } from '../admit/rank.ts';
import { ARM_AHEAD_MS, armedBound } from '../apply/armed-bound.ts';
import type { ArmedLine } from '../apply/armed-line.ts';
import { MAX_NEWCOMERS, takeToArm } from '../apply/take-to-arm.ts';
import { EarliestFirst } from '../pace/earliest-first.ts';
import type { FairLine, FairLineOptions, LineEntry } from '../pace/fair-line.ts';
import type { KeyPacer, KeyUse } from '../pace/key-pacer.ts';
import type { LimitedEntry } from '../pace/limit-gate.ts';
import { LimitLine, type PaceStates } from '../pace/limit-line.ts';

/** A line of calls that count against the very same keys. */
export interface ForecastLane {
  readonly name: string;
  /** The destination's first. */
  readonly keys: readonly string[];
  /** Whether its calls take turns with those of other lines: it has limits, or is a part of a divided destination. */
  readonly takesTurns: boolean;
  /** Calls that are armed and not sent. It is used up: give it a fork. */
  readonly armed: ArmedLine<LineEntry>;
  /** API keys that came into line with nothing armed. */
  readonly newcomers: Iterable<string>;
  /** Who waits behind them. It is used up: give it a fork. */
  readonly line: FairLine<LineEntry>;
}

/** A call that takes turns with those of other lines. */
export interface ContendingCall {
  readonly entry: LimitedEntry;
  /** Its id in the line that it comes from. */
  readonly place: string;
  readonly lane: string;
}

/** The calls that take turns with those of other lines. */
export interface ContendingCalls {
  /** A copy on other states, with others in their places, of keys for which this is so. */
  fork<Call extends LimitedEntry>(
    states: PaceStates,
    isMeant: (key: string) => boolean,
    callOf: (call: ContendingCall) => Call,
  ): LimitLine<Call>;
}

/** A call that is out. */
export interface ForecastCall {
  /** Of pacers of this forecast. */
  readonly uses: readonly KeyUse[];
  /** Name of the line that it came from. */
  readonly lane: string;
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
  /** Absent: none does so far. */
  readonly contending?: ContendingCalls;
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
  readonly takesTurns: boolean;
  readonly line: FairLine<LineEntry>;
  readonly armed: ArmedLine<LineEntry>;
  readonly newcomers: Set<string>;
  /** When it is looked at again; null: it is not. */
  looksAt: number | null;
}

interface Call extends LimitedEntry {
  readonly lane: Lane;
  readonly place: LineEntry;
}

type Moment =
  | { readonly kind: 'end'; readonly uses: readonly KeyUse[]; readonly lane: Lane | null }
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
  /** Places of calls that take turns with those of other lines, and under which ids. */
  readonly #turns = new Map<string, string>();
  /** Calls of lines that take turns, which wait for a destination, by its key. */
  readonly #contenders = new Map<string, number>();
  /** Lines at which something has changed. */
  readonly #dirty = new Set<Lane>();
  /** What is being armed. */
  readonly #arming = new Map<Lane, readonly LineEntry[]>();
  #now: number;

  constructor(options: ForecastOptions) {
    const { now, horizonMs = FORECAST_HORIZON_MS, pacers, fairness = {}, contending } = options;
    this.#options = options;
    this.#now = now;
    this.#end = now + horizonMs;
    const states: PaceStates = {
      get: (key) => this.#pacer(key).inForce(this.#now),
      set: (key, state) => this.#pacer(key).book(state, this.#now),
    };
    for (const { newcomers, ...one } of options.lanes) {
      const { name, keys } = one;
      const lane: Lane = { ...one, newcomers: new Set(newcomers), looksAt: null };
      this.#lanes.set(name, lane);
      for (const key of keys) this.#lanesOf.set(key, [...(this.#lanesOf.get(key) ?? []), lane]);
    }
    this.#line =
      contending?.fork<Call>(
        states,
        (key) => pacers.has(key),
        (call) => this.#contending(call),
      ) ?? new LimitLine<Call>(states, { fairness });
    for (const { uses, endsAt, lane: name } of options.running) {
      const lane = this.#lanes.get(name) ?? null;
      this.#moments.push(Math.max(now, endsAt), { kind: 'end', uses, lane });
    }
    for (const { at, lane: name, entry } of options.joins) {
      const lane = this.#lanes.get(name);
      if (lane !== undefined) this.#moments.push(Math.max(now, at), { kind: 'join', lane, entry });
    }
    for (const lane of this.#lanes.values()) this.#dirty.add(lane);
  }

  /** How far it has come, on the monotonic clock. */
  get now(): number {
    return this.#now;
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
      const count = this.starts.length;
      const until = this.#sendContending();
      const [lane] = this.#dirty;
      const arming = lane === undefined ? this.#arming.entries().next() : null;
      if (lane !== undefined) this.#pump(lane);
      else if (arming?.done === false) this.#arm(...arming.value);
      const isOver = lane === undefined && arming?.done === true && !this.#moveOn(until);
      for (let next = count; next < this.starts.length; next += 1) {
        if (this.starts[next]?.id !== id) continue;
        this.starts.length = next + 1;
        return true;
      }
      if (isOver) return true;
    }
    return false;
  }

  /**
   * All that may go of those who take turns, before anybody else comes into line: whose turn is next is
   * settled by who stands there at that moment.
   *
   * @returns When to look again.
   */
  #sendContending(): number | null {
    let turn = this.#line.next(this.#now);
    for (; turn.verdict === 'go'; turn = this.#line.next(this.#now)) {
      this.#startContending(turn.entry);
    }
    return turn.until;
  }

  #pump(lane: Lane): void {
    this.#dirty.delete(lane);
    this.#send(lane);
    this.#sendContending();
    this.#fill(lane);
  }

  /** Once all that could go without them has gone: arming is a write, and takes a moment. */
  #arm(lane: Lane, taken: readonly LineEntry[]): void {
    this.#arming.delete(lane);
    for (const entry of taken) lane.armed.push(entry, entry.apiKey);
    this.#dirty.add(lane);
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
        this.#freed(moment.lane);
        return;
      }
      case 'join':
        moment.lane.line.push(moment.entry);
        if (!moment.lane.armed.has(moment.entry.apiKey)) {
          moment.lane.newcomers.add(moment.entry.apiKey);
        }
        this.#dirty.add(moment.lane);
        return;
      case 'look':
        moment.lane.looksAt = null;
        this.#dirty.add(moment.lane);
    }
  }

  /** Calls without limits may have waited for the slot as well. */
  #freed(lane: Lane | null): void {
    if (lane === null) return;
    this.#dirty.add(lane);
    for (const own of this.#ownLanes(lane)) this.#dirty.add(own);
  }

  /** Lines of the same destination that take turns only while others do. */
  #ownLanes({ keys: [home = ''] }: Lane): readonly Lane[] {
    const all = this.#lanesOf.get(home) ?? [];
    return all.filter(({ keys, takesTurns }) => !takesTurns && keys[0] === home);
  }

  /** Sends what may go of a line that nothing but its destination holds back; else has it take turns. */
  #send(lane: Lane): void {
    const [home = ''] = lane.keys;
    if (lane.takesTurns || (this.#contenders.get(home) ?? 0) > 0) {
      this.#offer(lane);
      return;
    }
    const pacer = this.#pacer(home);
    for (let { first } = lane.armed; first !== undefined; first = lane.armed.first) {
      const verdict = pacer.take(this.#now);
      if (verdict.verdict === 'wait') {
        this.#lookAt(lane, verdict.until);
        return;
      }
      lane.armed.shift();
      this.#begin(lane, first, [{ key: home }]);
    }
  }

  #offer(lane: Lane): void {
    const [home = ''] = lane.keys;
    const before = this.#contenders.get(home) ?? 0;
    for (const place of lane.armed) {
      if (this.#turns.has(place.id)) continue;
      const { costOf, priorityOf } = this.#options;
      const { id, apiKey, userId } = place;
      const keys = lane.keys.map((key, index) => ({
        key,
        cost: index === 0 ? 1 : (costOf?.(id, key) ?? 1),
      }));
      const order = rank(priorityOf?.(id) ?? 0, this.#wallNow());
      this.#joined(id, id, lane);
      this.#line.push({ id, apiKey, userId, rank: order, keys, lane, place }, this.#now);
    }
    // The others at this destination take turns with them from now on.
    if (before > 0 || (this.#contenders.get(home) ?? 0) === 0) return;
    for (const other of this.#ownLanes(lane)) this.#dirty.add(other);
  }

  #contending({ entry, place: id, lane: name }: ContendingCall): Call {
    const lane = this.#lanes.get(name);
    if (lane === undefined) throw new Error(`the forecast knows nothing of the line ${name}`);
    const { apiKey, userId } = entry;
    const place = [...lane.armed].find((armed) => armed.id === id) ?? {
      id,
      apiKey,
      userId,
      rank: 0,
    };
    this.#joined(id, entry.id, lane);
    return { ...entry, lane, place };
  }

  #joined(place: string, id: string, { keys, takesTurns }: Lane): void {
    this.#turns.set(place, id);
    const [home = ''] = keys;
    if (takesTurns) this.#contenders.set(home, (this.#contenders.get(home) ?? 0) + 1);
  }

  #startContending({ place, lane, keys }: Call): void {
    lane.armed.keep(({ id }) => id !== place.id);
    this.#turns.delete(place.id);
    this.#begin(lane, place, keys);
    if (!lane.takesTurns) return;
    const [home = ''] = lane.keys;
    const left = (this.#contenders.get(home) ?? 1) - 1;
    this.#contenders.set(home, left);
    if (left > 0) return;
    // The last of those that take turns leaves the others to themselves.
    for (const other of this.#ownLanes(lane)) {
      for (const { id } of other.armed) {
        const turn = this.#turns.get(id);
        if (turn !== undefined) this.#line.remove(turn, this.#now);
        this.#turns.delete(id);
      }
      this.#dirty.add(other);
    }
  }

  #begin(lane: Lane, { id, apiKey, userId }: LineEntry, keys: Call['keys']): void {
    const now = this.#now;
    this.starts.push({ id, apiKey, userId, lane: lane.name, at: now });
    const uses = keys.map(({ key, cost }) => {
      const use = this.#pacer(key).begun(now, cost);
      use.pacer.left(use, now);
      return use;
    });
    const callMs = uses[0]?.pacer.callMs ?? ASSUMED_CALL_MS;
    this.#moments.push(now + callMs, { kind: 'end', uses, lane });
    this.#dirty.add(lane);
  }

  /** Arms what the lane's keys have room for, as those do who send. */
  #fill(lane: Lane): void {
    const now = this.#now;
    if (lane.line.size === 0) return;
    const paces = lane.keys.map((key) => this.#pacer(key).paceAhead(now));
    const bound = Math.min(...paces.map((pace) => armedBound(pace, ARM_AHEAD_MS, now)));
    const before = this.#arming.get(lane) ?? [];
    const ahead = lane.armed.length + before.length;
    const free = bound - ahead;
    const taken = takeToArm(() => lane.line.next(), lane.newcomers, {
      ordinary: free >= ahead ? Math.max(0, free) : 0,
      most: bound === 0 ? 0 : free + MAX_NEWCOMERS,
    });
    if (taken.length > 0) this.#arming.set(lane, [...before, ...taken]);
    if (lane.line.size === 0) return;
    const pauseEnd = Math.max(...paces.map(({ pausedUntil }) => pausedUntil ?? now));
    if (pauseEnd > now) this.#lookAt(lane, pauseEnd);
  }

  #lookAt(lane: Lane, at: number | null): void {
    if (at === null || at > this.#end || (lane.looksAt !== null && lane.looksAt <= at)) return;
    lane.looksAt = at;
    this.#moments.push(at, { kind: 'look', lane });
  }

  #pacer(key: string): KeyPacer {
    const pacer = this.#options.pacers.get(key);
    if (pacer === undefined) throw new Error(`the forecast knows nothing of the key ${key}`);
    return pacer;
  }

  #wallNow(): number {
    // A wall clock counts whole milliseconds.
    return Math.floor(this.#options.wallNow + this.#now - this.#options.now);
  }
}
