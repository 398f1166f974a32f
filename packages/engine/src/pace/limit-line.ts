import { type Admission, admit, type KeyedPace } from './admission.ts';
import { EarliestFirst } from './earliest-first.ts';
import { FairLine, type FairLineOptions } from './fair-line.ts';
import { createGate, createGroup, type Gate, type Group, type LimitedEntry } from './limit-gate.ts';
import type { PaceState } from './pace-state.ts';

/** Where the keys' states live; the line reads and writes them, others may as well. */
export interface PaceStates {
  get(key: string): PaceState;
  set(key: string, state: PaceState): void;
}

export type LimitTurn<Entry> =
  /** This one may start now: it has left the line, and all its keys have it booked. */
  | { readonly verdict: 'go'; readonly entry: Entry }
  /** Nobody may start. Ask again at `until` (null: not by time alone), or after `wake`. */
  | { readonly verdict: 'wait'; readonly until: number | null };

export interface LimitLineOptions {
  /** How long an entry at the front waits before its slowest key is kept for it. Default `RESERVE_AFTER_MS`. */
  readonly reserveAfterMs?: number;
  /** Weights and bounds of the accounts, in every line. */
  readonly fairness?: FairLineOptions;
}

/** Default of `reserveAfterMs`. */
export const RESERVE_AFTER_MS = 5_000;

/**
 * Jobs that count against several keys each. A job starts when all of its keys let it, and pays at all of
 * them at once; until then it holds nothing. Every waiting job stands at the one key that holds it back,
 * so a key that is used up never stands before jobs which do not use it, and no decision looks through
 * the backlog: its work is bounded by the keys that have opened.
 *
 * At a key accounts take turns, and what frees up there is saved for whose turn it is, so that many small
 * costs cannot starve a large one. An entry that waits at several keys in turn gets its slowest key kept
 * for it after `reserveAfterMs`. Mutable and deterministic; `now` never goes back.
 */
export class LimitLine<Entry extends LimitedEntry> {
  readonly #states: PaceStates;
  readonly #reserveAfterMs: number;
  readonly #fairness: FairLineOptions;
  readonly #groups = new Map<string, Group<Entry>>();
  readonly #gates = new Map<string, Gate>();
  readonly #groupOf = new Map<string, Group<Entry>>();
  readonly #due = new EarliestFirst<Gate>();

  constructor(states: PaceStates, options: LimitLineOptions = {}) {
    this.#states = states;
    this.#reserveAfterMs = options.reserveAfterMs ?? RESERVE_AFTER_MS;
    this.#fairness = options.fairness ?? {};
  }

  get size(): number {
    return this.#groupOf.size;
  }

  has(id: string): boolean {
    return this.#groupOf.has(id);
  }

  /** False when the entry is in line already: it keeps its place. */
  push(entry: Entry, now: number): boolean {
    if (this.#groupOf.has(entry.id)) return false;
    const group = this.#groupFor(entry);
    this.#groupOf.set(entry.id, group);
    if (group.front === null) {
      this.#advance(group, entry, now);
      return true;
    }
    group.line ??= new FairLine<Entry>(this.#fairness);
    group.line.push(entry);
    return true;
  }

  /** Takes this one out; null when it is not in line. */
  remove(id: string, now: number): Entry | null {
    const group = this.#groupOf.get(id);
    if (group === undefined) return null;
    this.#groupOf.delete(id);
    if (group.front?.id !== id) return group.line?.remove(id) ?? null;
    const { front } = group;
    this.#leaveGate(group, now);
    this.#unreserve(group, now);
    this.#nextFront(group, now);
    return front;
  }

  /** Something about this key has changed: a call has ended, its pace has, or its allotment. */
  wake(key: string, now: number): void {
    const gate = this.#gates.get(key);
    if (gate !== undefined) this.#openAt(gate, now);
  }

  /** Takes out the entry that may start now, and books it at all of its keys. */
  next(now: number): LimitTurn<Entry> {
    for (;;) {
      const due = this.#due.peek();
      if (due === null) return { verdict: 'wait', until: null };
      if (due.item.opensAt !== due.at) {
        this.#due.pop();
        continue;
      }
      if (due.at > now) return { verdict: 'wait', until: due.at };
      const entry = this.#serve(due.item, now);
      if (entry !== null) return { verdict: 'go', entry };
    }
  }

  /** What holds this entry back now: the key at which its group waits, and until when. */
  blockedBy(id: string): { readonly key: string; readonly until: number | null } | null {
    const gate = this.#groupOf.get(id)?.gate ?? null;
    return gate === null ? null : { key: gate.key, until: gate.opensAt };
  }

  /**
   * The same line on other states, to try things on.
   *
   * @param isMeant Of calls with other keys nothing is taken over.
   * @param otherOf Goes into an entry's place: of the same id, account, rank and keys.
   */
  fork<Other extends LimitedEntry>(
    states: PaceStates,
    isMeant: (key: string) => boolean,
    otherOf: (entry: Entry) => Other,
  ): LimitLine<Other> {
    const copy = new LimitLine<Other>(states, {
      reserveAfterMs: this.#reserveAfterMs,
      fairness: this.#fairness,
    });
    const gates = new Map<Gate, Gate>();
    for (const [key, gate] of this.#gates) {
      if (!isMeant(key)) continue;
      const forked = { ...gate, waiting: gate.waiting.fork(), urgent: new Set(gate.urgent) };
      gates.set(gate, forked);
      copy.#gates.set(key, forked);
      if (forked.opensAt !== null) copy.#due.push(forked.opensAt, forked);
    }
    for (const [id, group] of this.#groups) {
      if (!group.keys.every(isMeant)) continue;
      copy.#groups.set(id, {
        id,
        keys: group.keys,
        line: group.line?.forkAs(otherOf) ?? null,
        front: group.front === null ? null : otherOf(group.front),
        frontSince: group.frontSince,
        gate: group.gate === null ? null : (gates.get(group.gate) ?? null),
        reserved: group.reserved === null ? null : (gates.get(group.reserved) ?? null),
      });
    }
    for (const [id, group] of this.#groupOf) {
      const forked = copy.#groups.get(group.id);
      if (forked !== undefined) copy.#groupOf.set(id, forked);
    }
    return copy;
  }

  #serve(gate: Gate, now: number): Entry | null {
    const group = this.#turnAt(gate);
    const front = group?.front ?? null;
    if (group === null || front === null) {
      gate.opensAt = null;
      return null;
    }
    const stop = this.#admit(group, front, now);
    if (stop !== null) {
      this.#hold(group, gate, stop, now);
      return null;
    }
    this.#groupOf.delete(front.id);
    this.#leaveGate(group, now);
    this.#unreserve(group, now);
    this.#nextFront(group, now, gate);
    return front;
  }

  /** Books the front at all of its keys; null when it is booked, else what holds it back. */
  #admit(group: Group<Entry>, front: Entry, now: number): Stop | null {
    const keys = front.keys.map(
      ({ key, cost }): KeyedPace => ({ key, cost, state: this.#states.get(key) }),
    );
    const kept = group.keys.find((key) => this.#isKeptFromGroup(key, group));
    if (kept !== undefined) {
      // How long the other takes is not known: nobody is to wait here for that.
      this.#unreserve(group, now);
      return { key: kept, until: null };
    }
    const verdict = admit(keys, now);
    if (verdict.verdict === 'wait') {
      this.#reserve(group, keys, verdict, now);
      return verdict;
    }
    for (const { key, state } of verdict.states) this.#states.set(key, state);
    return null;
  }

  #isKeptFromGroup(key: string, group: Group<Entry>): boolean {
    const holder = this.#gates.get(key)?.reservedFor ?? null;
    return holder !== null && holder !== group.id;
  }

  /** The front waits where it is held back; who stands at `gate` behind it has its turn if it went elsewhere. */
  #hold(group: Group<Entry>, gate: Gate, { key, until }: Stop, now: number): void {
    if (key === gate.key) {
      this.#openAt(gate, until);
      return;
    }
    this.#leaveGate(group, now);
    const other = this.#gate(key);
    this.#arrive(group, other);
    if (until !== null && (other.opensAt === null || until < other.opensAt)) {
      this.#openAt(other, until);
    }
  }

  #turnAt(gate: Gate): Group<Entry> | null {
    const [first] = gate.reservedFor === null ? gate.urgent : [gate.reservedFor];
    const preferred = first === undefined ? undefined : this.#groups.get(first);
    if (preferred?.gate === gate) {
      this.#giveTurn(gate, preferred);
      return preferred;
    }
    const current = gate.turn === null ? undefined : this.#groups.get(gate.turn);
    if (current?.gate === gate) return current;
    const next = gate.waiting.next();
    gate.turn = next?.id ?? null;
    return next === null ? null : (this.#groups.get(next.id) ?? null);
  }

  /** Whoever had the turn stands in line again. */
  #giveTurn(gate: Gate, group: Group<Entry>): void {
    if (gate.turn === group.id) return;
    const current = gate.turn === null ? undefined : this.#groups.get(gate.turn);
    if (current?.gate === gate) this.#arrive(current, gate);
    gate.waiting.remove(group.id);
    gate.turn = group.id;
  }

  #arrive(group: Group<Entry>, gate: Gate): void {
    const { front } = group;
    if (front === null) return;
    group.gate = gate;
    const { apiKey, userId, rank } = front;
    gate.waiting.push({ id: group.id, apiKey, userId, rank });
    if (group.reserved !== null && group.reserved !== gate) gate.urgent.add(group.id);
  }

  #leaveGate(group: Group<Entry>, now: number): void {
    const { gate } = group;
    if (gate === null) return;
    group.gate = null;
    gate.waiting.remove(group.id);
    gate.urgent.delete(group.id);
    if (gate.turn !== group.id) return;
    gate.turn = null;
    this.#openAt(gate, now);
  }

  #nextFront(group: Group<Entry>, now: number, at: Gate | null = null): void {
    const next = group.line?.next() ?? null;
    if (next !== null) {
      this.#advance(group, next, now, at);
      return;
    }
    group.front = null;
    this.#forget(group);
  }

  #advance(group: Group<Entry>, front: Entry, now: number, at: Gate | null = null): void {
    group.front = front;
    group.frontSince = now;
    const gate = at ?? this.#gate(group.keys[0] ?? '');
    this.#arrive(group, gate);
    // What keeps others waiting here keeps this one waiting, too, until its turn.
    if (gate.opensAt === null && (at !== null || gate.turn === null)) this.#openAt(gate, now);
  }

  #reserve(group: Group<Entry>, keys: readonly KeyedPace[], stop: StopAt, now: number): void {
    const isElsewhere = group.reserved !== null && group.reserved.key !== stop.key;
    const slowest = keys.reduce((slow, key) => (fillMs(key) > fillMs(slow) ? key : slow));
    const isShort = stop.until !== null && stop.until - now <= MAX_RESERVED_MS;
    if (isElsewhere && !isShort) this.#unreserve(group, now);
    if (group.reserved !== null || keys.length < 2) return;
    if (now - group.frontSince < this.#reserveAfterMs) return;
    // What holds it back elsewhere for long must not hold up others here.
    if (stop.key === slowest.key ? stop.reason !== 'rate' : !isShort) return;
    const gate = this.#gate(slowest.key);
    gate.reservedFor = group.id;
    group.reserved = gate;
  }

  #unreserve(group: Group<Entry>, now: number): void {
    const { reserved } = group;
    if (reserved === null) return;
    group.reserved = null;
    group.gate?.urgent.delete(group.id);
    reserved.reservedFor = null;
    this.#openAt(reserved, now);
  }

  #openAt(gate: Gate, at: number | null): void {
    if (gate.opensAt === at) return;
    gate.opensAt = at;
    if (at !== null) this.#due.push(at, gate);
  }

  #groupFor({ keys }: Entry): Group<Entry> {
    const names = keys.map(({ key }) => key);
    const id = JSON.stringify(names.toSorted());
    const known = this.#groups.get(id);
    if (known !== undefined) return known;
    const group = createGroup<Entry>(id, names);
    this.#groups.set(id, group);
    for (const name of names) this.#gate(name).users += 1;
    return group;
  }

  #gate(key: string): Gate {
    const known = this.#gates.get(key);
    if (known !== undefined) return known;
    const gate = createGate(key, this.#fairness);
    this.#gates.set(key, gate);
    return gate;
  }

  #forget(group: Group<Entry>): void {
    this.#groups.delete(group.id);
    for (const key of group.keys) {
      const gate = this.#gates.get(key);
      if (gate === undefined) continue;
      gate.users -= 1;
      if (gate.users > 0) continue;
      gate.opensAt = null;
      this.#gates.delete(key);
    }
  }
}

type StopAt = Extract<Admission, { readonly verdict: 'wait' }>;
type Stop = Pick<StopAt, 'key' | 'until'>;

/** A key is kept for somebody who waits at another only while that one opens within this time. */
const MAX_RESERVED_MS = 2_000;

/** How long a key takes to earn what an entry costs there. */
function fillMs({ state, cost }: KeyedPace): number {
  return ((cost ?? 1) * 1_000) / state.ratePerSecond;
}
