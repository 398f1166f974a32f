import type { Id } from '@ezthrottle/engine';

/** Keeps what was put in last, up to a sum of weights. */
export class JobCache<Value> {
  readonly #entries = new Map<Id, { readonly value: Value; readonly weight: number }>();
  readonly #capacity: number;
  #weight = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Whether nothing would have to go for one of this weight. */
  hasRoom(weight: number): boolean {
    return this.#weight + weight <= this.#capacity;
  }

  put(id: Id, value: Value, weight: number): void {
    this.take(id);
    if (weight > this.#capacity) return;
    this.#entries.set(id, { value, weight });
    this.#weight += weight;
    for (const oldest of this.#entries.keys()) {
      if (this.#weight <= this.#capacity) return;
      this.take(oldest);
    }
  }

  /** Takes it out: a value is in one place only. */
  clear(): void {
    this.#entries.clear();
    this.#weight = 0;
  }

  take(id: Id): Value | undefined {
    const entry = this.#entries.get(id);
    if (entry === undefined) return undefined;
    this.#entries.delete(id);
    this.#weight -= entry.weight;
    return entry.value;
  }
}
