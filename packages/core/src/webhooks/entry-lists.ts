/** Lists that an entry may be in, one at a time; each in the order in which entries came to it. */
export const DONE = 0;
export const RUNNING = 1;

export type EntryList = typeof DONE | typeof RUNNING;

/** Places before those of entries: each list ends where it begins, so none needs a case of its own. */
const FIRST_ENTRY = 2;
const INITIAL_PLACES = 64;

/**
 * Numbers entries and keeps them in order, in plain numbers: an object for each of many thousands would be
 * copied and looked through by the garbage collector again and again.
 */
export class EntryLists {
  #next = new Int32Array(INITIAL_PLACES);
  #before = new Int32Array(INITIAL_PLACES);
  /** Places that were given back. */
  readonly #free: number[] = [];
  #end = FIRST_ENTRY;

  constructor() {
    for (const list of [DONE, RUNNING]) this.#link(list, list);
  }

  /** A new entry, at the end of the list. */
  add(list: EntryList): number {
    const entry = this.#free.pop() ?? this.#end;
    if (entry === this.#end) {
      this.#end += 1;
      if (entry >= this.#next.length) this.#grow();
    }
    this.#append(entry, list);
    return entry;
  }

  /** To the end of a list, out of the one it was in. */
  move(entry: number, list: EntryList): void {
    this.#link(this.#before[entry] ?? 0, this.#next[entry] ?? 0);
    this.#append(entry, list);
  }

  /** Its number may be given to another. */
  remove(entry: number): void {
    this.#link(this.#before[entry] ?? 0, this.#next[entry] ?? 0);
    this.#free.push(entry);
  }

  /** The one that has been in the list for longest. */
  first(list: EntryList): number | undefined {
    const entry = this.#next[list] ?? list;
    return entry === list ? undefined : entry;
  }

  /** All of a list, also when what has come already is removed meanwhile. */
  *all(list: EntryList): Generator<number> {
    for (let entry = this.#next[list] ?? list; entry !== list; ) {
      const next = this.#next[entry] ?? list;
      yield entry;
      entry = next;
    }
  }

  #append(entry: number, list: EntryList): void {
    this.#link(this.#before[list] ?? list, entry);
    this.#link(entry, list);
  }

  #link(before: number, next: number): void {
    this.#next[before] = next;
    this.#before[next] = before;
  }

  #grow(): void {
    this.#next = twiceAsLong(this.#next);
    this.#before = twiceAsLong(this.#before);
  }
}

function twiceAsLong(places: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const longer = new Int32Array(places.length * 2);
  longer.set(places);
  return longer;
}
