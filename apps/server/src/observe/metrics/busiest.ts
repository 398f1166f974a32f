/** A key that has a name of its own in the metrics, with what is counted for it. */
interface Named<Tally> {
  readonly key: string;
  readonly tally: Tally;
}

interface BusiestOptions<Tally> {
  /** Keys that have names of their own. 0: none has. */
  readonly most: number;
  readonly create: () => Tally;
  /** Adds what was counted for a key that loses its name to what is counted for all others. */
  readonly fold: (into: Tally, from: Tally) => void;
}

interface Candidate {
  readonly key: string;
  /** Uses of late, fading with each `rank`. */
  heat: number;
}

/** For each key with a name, so many more are watched, so that one that becomes busy is found. */
const CANDIDATES_PER_NAME = 4;
/** A newcomer must have been so much busier than whoever it displaces: names are not to change hands all the time. */
const MARGIN = 1.5;
const FADING = 0.5;
/** Uses from which a key stays watched when its turn to leave comes. */
const ONE_MORE_CHANCE = 2;

/**
 * Counts per key under a bound on the number of keys: the busiest have tallies of their own, the rest share
 * one. What a key has counted moves to the rest when it is displaced, so nothing that was counted is lost.
 */
export class Busiest<Tally> {
  readonly rest: Tally;
  readonly #options: BusiestOptions<Tally>;
  readonly #named = new Map<string, Tally>();
  readonly #candidates = new Map<string, Candidate>();

  constructor(options: BusiestOptions<Tally>) {
    this.#options = options;
    this.rest = options.create();
  }

  /** What is counted for this key, which is used now. */
  use(key: string): Tally {
    this.#warm(key);
    const known = this.#named.get(key);
    if (known !== undefined) return known;
    if (this.#named.size >= this.#options.most) return this.rest;
    const created = this.#options.create();
    this.#named.set(key, created);
    return created;
  }

  /** The same without counting as a use. */
  of(key: string): Tally {
    return this.#named.get(key) ?? this.rest;
  }

  named(): readonly Named<Tally>[] {
    return [...this.#named].map(([key, tally]) => ({ key, tally }));
  }

  /** Gives the names to whoever was busiest of late. */
  rank(): void {
    const { most, create, fold } = this.#options;
    const byHeat = [...this.#candidates.values()].toSorted((one, other) => other.heat - one.heat);
    const heatOf = (key: string): number => this.#candidates.get(key)?.heat ?? 0;
    const coldest = [...this.#named.keys()].toSorted((one, other) => heatOf(one) - heatOf(other));
    for (const { key, heat } of byHeat) {
      if (this.#named.has(key)) continue;
      const displaced = this.#named.size < most ? null : coldest.shift();
      if (displaced === undefined) break;
      if (displaced !== null) {
        if (heat <= heatOf(displaced) * MARGIN) break;
        fold(this.rest, this.of(displaced));
        this.#named.delete(displaced);
      }
      this.#named.set(key, create());
    }
    for (const candidate of byHeat) {
      candidate.heat *= FADING;
      if (candidate.heat < 0.01) this.#candidates.delete(candidate.key);
    }
  }

  /** Watches it, if need be in the place of whoever has been watched for long and was hardly used. */
  #warm(key: string): void {
    const known = this.#candidates.get(key);
    if (known !== undefined) {
      known.heat += 1;
      return;
    }
    const most = this.#options.most * CANDIDATES_PER_NAME;
    if (this.#candidates.size >= most) {
      const [oldest] = this.#candidates.values();
      if (oldest === undefined) return;
      this.#candidates.delete(oldest.key);
      if (oldest.heat > ONE_MORE_CHANCE) {
        // In use: it goes to the end of the line, and pays for that.
        oldest.heat /= 2;
        this.#candidates.set(oldest.key, oldest);
        return;
      }
    }
    this.#candidates.set(key, { key, heat: 1 });
  }
}
