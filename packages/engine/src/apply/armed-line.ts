interface Armed<Ref> {
  readonly ref: Ref;
  readonly apiKey: string;
  /** In which round of the API keys it goes. */
  readonly round: number;
}

/**
 * Attempts that are armed and wait for the pace. API keys take turns here as they do before: who comes
 * late, and has nothing armed yet, goes next, not behind all that a busy key had armed ahead. The attempts
 * of one key keep the order in which its users took their turns.
 */
export class ArmedLine<Ref> {
  #armed: Armed<Ref>[] = [];
  /** The round of the latest that went, and whose turns in it are over. */
  #round = 0;
  readonly #served = new Set<string>();

  get length(): number {
    return this.#armed.length;
  }

  /** Whose turn it is; undefined when nothing is armed. */
  get first(): Ref | undefined {
    return this.#armed[0]?.ref;
  }

  has(apiKey: string): boolean {
    return this.#armed.some((armed) => armed.apiKey === apiKey);
  }

  push(ref: Ref, apiKey: string): void {
    const last = this.#armed.findLast((armed) => armed.apiKey === apiKey);
    const isLate = last === undefined && !this.#served.has(apiKey);
    const next = isLate ? this.#round : this.#round + 1;
    const round = Math.max(next, (last?.round ?? 0) + 1);
    // From the end, where nearly all of them belong.
    let place = this.#armed.length;
    while (place > 0 && isBehind(this.#armed[place - 1], round, isLate)) place -= 1;
    this.#armed.splice(place, 0, { ref, apiKey, round });
  }

  shift(): void {
    const gone = this.#armed.shift();
    if (gone === undefined) return;
    if (gone.round !== this.#round) this.#served.clear();
    this.#round = gone.round;
    this.#served.add(gone.apiKey);
  }

  /** Keeps those for which it holds. */
  keep(isKept: (ref: Ref) => boolean): void {
    this.#armed = this.#armed.filter(({ ref }) => isKept(ref));
  }

  /** The same line with others in the places of its attempts, to try things on. */
  fork<Other>(otherOf: (ref: Ref, apiKey: string) => Other): ArmedLine<Other> {
    const copy = new ArmedLine<Other>();
    copy.#armed = this.#armed.map((armed) => ({
      ...armed,
      ref: otherOf(armed.ref, armed.apiKey),
    }));
    copy.#round = this.#round;
    for (const apiKey of this.#served) copy.#served.add(apiKey);
    return copy;
  }

  /** Takes all of them out. */
  drain(): readonly Ref[] {
    const refs = [...this];
    this.#armed = [];
    return refs;
  }

  *[Symbol.iterator](): Iterator<Ref> {
    for (const { ref } of this.#armed) yield ref;
  }
}

/** Who comes late to a round goes before those who are in it already. */
function isBehind(armed: Armed<unknown> | undefined, round: number, isLate: boolean): boolean {
  if (armed === undefined) return false;
  return isLate ? armed.round >= round : armed.round > round;
}
