interface Timed<Item> {
  readonly at: number;
  readonly item: Item;
}

/** Items by their moment, the earliest first: a binary heap. Equal moments come in no particular order. */
export class EarliestFirst<Item> {
  readonly #heap: Timed<Item>[] = [];

  get size(): number {
    return this.#heap.length;
  }

  peek(): Timed<Item> | null {
    return this.#heap[0] ?? null;
  }

  push(at: number, item: Item): void {
    const heap = this.#heap;
    const added = { at, item };
    let place = heap.length;
    heap.push(added);
    while (place > 0) {
      const above = (place - 1) >>> 1;
      const parent = heap[above];
      if (parent === undefined || parent.at <= at) break;
      heap[place] = parent;
      place = above;
    }
    heap[place] = added;
  }

  pop(): Timed<Item> | null {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined) return null;
    if (heap.length > 0) this.#sink(last);
    return first;
  }

  #sink(item: Timed<Item>): void {
    const heap = this.#heap;
    let place = 0;
    for (;;) {
      const left = heap[2 * place + 1];
      const right = heap[2 * place + 2];
      const isRight = left !== undefined && right !== undefined && right.at < left.at;
      const child = isRight ? right : left;
      if (child === undefined || child.at >= item.at) break;
      heap[place] = child;
      place = 2 * place + (isRight ? 2 : 1);
    }
    heap[place] = item;
  }
}
