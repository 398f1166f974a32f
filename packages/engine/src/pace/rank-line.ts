/** One thing in a line by rank. `id` is unique there. */
export interface RankedEntry {
  readonly id: string;
  /** Smaller goes first. */
  readonly rank: number;
}

/** The entries of one account, kept in order; the next one stands at the end of the array. */
export class RankLine<Entry extends RankedEntry> {
  #entries: Entry[] = [];

  get size(): number {
    return this.#entries.length;
  }

  push(entry: Entry): void {
    this.#entries.splice(this.#place(entry), 0, entry);
  }

  next(): Entry | null {
    return this.#entries.pop() ?? null;
  }

  /** The entry that would go last, of those that this is true for. */
  last(isMeant: (entry: Entry) => boolean): Entry | null {
    return this.#entries.find(isMeant) ?? null;
  }

  remove(entry: Entry): boolean {
    const place = this.#place(entry);
    if (this.#entries[place]?.id !== entry.id) return false;
    this.#entries.splice(place, 1);
    return true;
  }

  /** The same line with others in the places of its entries, of the same ids and ranks: to try things on. */
  fork<Other extends RankedEntry>(otherOf: (entry: Entry) => Other): RankLine<Other> {
    const copy = new RankLine<Other>();
    copy.#entries = this.#entries.map(otherOf);
    return copy;
  }

  /** Index of the first entry that does not go after this one. */
  #place(entry: Entry): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = this.#entries[middle];
      if (other !== undefined && compareEntries(other, entry) > 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Negative when the first goes before the second. */
export function compareEntries(first: RankedEntry, second: RankedEntry): number {
  if (first.rank !== second.rank) return first.rank - second.rank;
  return first.id < second.id ? -1 : first.id > second.id ? 1 : 0;
}
