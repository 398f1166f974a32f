/** Whoever takes turns: out of the ring once it is found to have nothing. */
export interface TurnTaker {
  readonly size: number;
}

/** So many newcomers may go in a row before somebody who was there already has a turn. */
const NEWCOMERS_IN_A_ROW = 8;

/**
 * Round robin with one turn each. Who has just come goes before those who have been served, within a
 * bound, so that a stream of newcomers cannot starve anybody. Who runs empty keeps its place
 * until its turn: coming back before that is no way to the front.
 */
export class TurnRing<Member extends TurnTaker> {
  readonly #members = new Map<string, Member>();
  readonly #fresh = new Set<string>();
  readonly #settled = new Set<string>();
  #newcomersInARow = 0;

  get(name: string): Member | undefined {
    return this.#members.get(name);
  }

  /** A member that is in the ring already stays where it is. */
  join(name: string, member: Member): void {
    if (this.#members.has(name)) return;
    this.#members.set(name, member);
    this.#fresh.add(name);
  }

  /** The member whose turn it is, moved to the end of the ring; null when nobody has anything. */
  turn(): Member | null {
    for (;;) {
      const mayBeFresh = this.#newcomersInARow < NEWCOMERS_IN_A_ROW || this.#settled.size === 0;
      const isFresh = this.#fresh.size > 0 && mayBeFresh;
      const list = isFresh ? this.#fresh : this.#settled;
      const [name] = list;
      if (name === undefined) return null;
      list.delete(name);
      const member = this.#members.get(name);
      if (member === undefined || member.size === 0) {
        this.#members.delete(name);
        continue;
      }
      this.#settled.add(name);
      this.#newcomersInARow = isFresh ? this.#newcomersInARow + 1 : 0;
      return member;
    }
  }

  clear(): void {
    this.#members.clear();
    this.#fresh.clear();
    this.#settled.clear();
    this.#newcomersInARow = 0;
  }
}
