/** Whoever takes turns: out of the ring once it is found to have nothing. */
export interface TurnTaker {
  readonly size: number;
  /** Turns in a round, from `LEAST_WEIGHT` to `MOST_WEIGHT`; below 1: a turn in some rounds. Default 1. */
  readonly weight?: number;
}

/** So many newcomers may go in a row before somebody who was there already has a turn. */
const NEWCOMERS_IN_A_ROW = 8;
const LEAST_WEIGHT = 0.1;
const MOST_WEIGHT = 100;

interface Seat<Member> {
  readonly name: string;
  readonly member: Member;
  /** Turns that it has earned and not taken: the deficit of deficit round robin. */
  deficit: number;
}

/**
 * Weighted round robin, with as many turns a round as the weight says. Who has just come goes before those
 * who have been served, within a bound, so that a stream of newcomers cannot starve anybody. Who runs
 * empty keeps its place until its turn: coming back before that is no way to the front.
 */
export class TurnRing<Member extends TurnTaker> {
  readonly #seats = new Map<string, Seat<Member>>();
  readonly #fresh = new Set<string>();
  readonly #settled = new Set<string>();
  #newcomersInARow = 0;
  /** Has more turns in this round. */
  #current: Seat<Member> | null = null;

  /** Members with a place, those that have run empty too. */
  get size(): number {
    return this.#seats.size;
  }

  get(name: string): Member | undefined {
    return this.#seats.get(name)?.member;
  }

  /** A member that is in the ring already stays where it is. */
  join(name: string, member: Member): void {
    if (this.#seats.has(name)) return;
    this.#seats.set(name, { name, member, deficit: Math.max(0, 1 - weightOf(member)) });
    this.#fresh.add(name);
  }

  /** The member whose turn it is, moved to the end of the ring; null when nobody has anything. */
  turn(): Member | null {
    for (;;) {
      const mayBeFresh = this.#newcomersInARow < NEWCOMERS_IN_A_ROW || this.#settled.size === 0;
      const isFresh = this.#fresh.size > 0 && mayBeFresh;
      if (!isFresh && this.#hasMoreTurns()) {
        this.#newcomersInARow = 0;
        return this.#take(this.#current);
      }
      const list = isFresh ? this.#fresh : this.#settled;
      const [name] = list;
      if (name === undefined) return null;
      list.delete(name);
      const seat = this.#seats.get(name);
      if (seat === undefined || seat.member.size === 0) {
        this.#seats.delete(name);
        continue;
      }
      this.#settled.add(name);
      this.#newcomersInARow = isFresh ? this.#newcomersInARow + 1 : 0;
      seat.deficit += weightOf(seat.member);
      if (seat.deficit >= 1) return this.#take(seat);
    }
  }

  /** The same ring, to try things on. */
  fork<Other extends TurnTaker>(forkMember: (member: Member) => Other): TurnRing<Other> {
    const copy = new TurnRing<Other>();
    for (const [name, seat] of this.#seats) {
      const forked = { ...seat, member: forkMember(seat.member) };
      copy.#seats.set(name, forked);
      if (seat === this.#current) copy.#current = forked;
    }
    for (const name of this.#fresh) copy.#fresh.add(name);
    for (const name of this.#settled) copy.#settled.add(name);
    copy.#newcomersInARow = this.#newcomersInARow;
    return copy;
  }

  clear(): void {
    this.#seats.clear();
    this.#fresh.clear();
    this.#settled.clear();
    this.#newcomersInARow = 0;
    this.#current = null;
  }

  #hasMoreTurns(): boolean {
    const seat = this.#current;
    if (seat !== null && seat.member.size > 0 && seat.deficit >= 1) return true;
    this.#current = null;
    return false;
  }

  #take(seat: Seat<Member> | null): Member | null {
    if (seat === null) return null;
    // Nothing is saved up for later rounds by who has nothing to send.
    seat.deficit = seat.member.size > 1 ? seat.deficit - 1 : 0;
    if (seat.deficit >= 1) this.#current = seat;
    return seat.member;
  }
}

function weightOf({ weight = 1 }: TurnTaker): number {
  return Number.isFinite(weight) ? Math.min(MOST_WEIGHT, Math.max(LEAST_WEIGHT, weight)) : 1;
}
