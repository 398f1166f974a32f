/** Values in an order of their own, each once. Found, put in and taken out by bisection. */
export class SortedList<Value> {
  readonly #values: Value[] = [];
  readonly #compare: (one: Value, other: Value) => number;

  /** @param compare Zero only for the same value. */
  constructor(compare: (one: Value, other: Value) => number) {
    this.#compare = compare;
  }

  get size(): number {
    return this.#values.length;
  }

  get first(): Value | undefined {
    return this.#values[0];
  }

  add(value: Value): void {
    const index = this.#indexOf(value);
    if (this.#isAt(index, value)) this.#values[index] = value;
    else this.#values.splice(index, 0, value);
  }

  delete(value: Value): void {
    const index = this.#indexOf(value);
    if (this.#isAt(index, value)) this.#values.splice(index, 1);
  }

  values(): readonly Value[] {
    return this.#values;
  }

  /** At most `limit` values from the first on that comes after this one, as long as they are wanted. */
  after(
    probe: Value | null,
    limit: number,
    isWanted: (value: Value) => boolean = () => true,
  ): readonly Value[] {
    const found: Value[] = [];
    let index = probe === null ? 0 : this.#indexOf(probe);
    if (probe !== null && this.#isAt(index, probe)) index += 1;
    for (; index < this.#values.length && found.length < limit; index += 1) {
      const value = this.#values[index];
      if (value === undefined || !isWanted(value)) break;
      found.push(value);
    }
    return found;
  }

  #isAt(index: number, value: Value): boolean {
    const held = this.#values[index];
    return held !== undefined && this.#compare(held, value) === 0;
  }

  /** Where the value stands, or would. */
  #indexOf(value: Value): number {
    let low = 0;
    let high = this.#values.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const held = this.#values[middle];
      if (held !== undefined && this.#compare(held, value) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** The first of several comparisons that tells the two apart. */
export function firstDifference(...differences: readonly number[]): number {
  return differences.find((difference) => difference !== 0) ?? 0;
}

/** Texts by their UTF-16 units, as identifiers sort. */
export function compareTexts(one: string, other: string): number {
  return one === other ? 0 : one < other ? -1 : 1;
}
