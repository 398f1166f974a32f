import { TurnRing } from './turn-ring.ts';

/** One thing that waits. `id` is unique in the line and settles the order among equal ranks. */
export interface LineEntry {
  readonly id: string;
  readonly apiKey: string;
  readonly userId: string;
  /** Smaller goes first, within its account. */
  readonly rank: number;
}

export interface LineAccount {
  readonly apiKey: string;
  readonly userId: string;
}

/**
 * The line of one destination. API keys take turns, within each its users take turns, within each the
 * smallest rank goes first. Mutable, and deterministic: the same calls give the same order.
 */
export class FairLine<Entry extends LineEntry> {
  readonly #keys = new TurnRing<KeyLine<Entry>>();
  readonly #entries = new Map<string, Entry>();

  get size(): number {
    return this.#entries.size;
  }

  has(id: string): boolean {
    return this.#entries.has(id);
  }

  /** False when the entry is in line already: it keeps its place. */
  push(entry: Entry): boolean {
    if (this.#entries.has(entry.id)) return false;
    this.#entries.set(entry.id, entry);
    const key = this.#keys.get(entry.apiKey) ?? new KeyLine<Entry>();
    key.push(entry);
    this.#keys.join(entry.apiKey, key);
    return true;
  }

  /** Takes out whose turn it is; null when the line is empty. */
  next(): Entry | null {
    const entry = this.#keys.turn()?.next() ?? null;
    if (entry !== null) this.#forget(entry);
    return entry;
  }

  /** Takes out this one; null when it is not in line. */
  remove(id: string): Entry | null {
    const entry = this.#entries.get(id);
    if (entry === undefined) return null;
    this.#keys.get(entry.apiKey)?.remove(entry);
    this.#forget(entry);
    return entry;
  }

  countOf(account: LineAccount): number {
    return this.#keys.get(account.apiKey)?.user(account.userId)?.size ?? 0;
  }

  /** The entry of this account that would go last. */
  lastOf(account: LineAccount): Entry | null {
    return this.#keys.get(account.apiKey)?.user(account.userId)?.last() ?? null;
  }

  /** In no particular order. */
  entries(): Iterable<Entry> {
    return this.#entries.values();
  }

  #forget(entry: Entry): void {
    this.#entries.delete(entry.id);
    // Nobody waits, so nobody is owed a turn: the ring need not remember who was here.
    if (this.#entries.size === 0) this.#keys.clear();
  }
}

/** The users of one API key. */
class KeyLine<Entry extends LineEntry> {
  readonly #users = new TurnRing<RankLine<Entry>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  user(userId: string): RankLine<Entry> | undefined {
    return this.#users.get(userId);
  }

  push(entry: Entry): void {
    const user = this.#users.get(entry.userId) ?? new RankLine<Entry>();
    user.push(entry);
    this.#users.join(entry.userId, user);
    this.#size += 1;
  }

  next(): Entry | null {
    const entry = this.#users.turn()?.next() ?? null;
    if (entry !== null) this.#size -= 1;
    return entry;
  }

  remove(entry: Entry): void {
    if (this.#users.get(entry.userId)?.remove(entry) === true) this.#size -= 1;
  }
}

/** The entries of one account, kept in order; the next one stands at the end of the array. */
class RankLine<Entry extends LineEntry> {
  readonly #entries: Entry[] = [];

  get size(): number {
    return this.#entries.length;
  }

  push(entry: Entry): void {
    this.#entries.splice(this.#place(entry), 0, entry);
  }

  next(): Entry | null {
    return this.#entries.pop() ?? null;
  }

  last(): Entry | null {
    return this.#entries[0] ?? null;
  }

  remove(entry: Entry): boolean {
    const place = this.#place(entry);
    if (this.#entries[place]?.id !== entry.id) return false;
    this.#entries.splice(place, 1);
    return true;
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
export function compareEntries(
  first: Pick<LineEntry, 'rank' | 'id'>,
  second: Pick<LineEntry, 'rank' | 'id'>,
): number {
  if (first.rank !== second.rank) return first.rank - second.rank;
  return first.id < second.id ? -1 : first.id > second.id ? 1 : 0;
}
