import { type Clock, EarliestFirst } from '@ezthrottle/engine';

interface Timer {
  readonly callback: () => void;
  /** Among those of the same moment the one that was set first goes first. */
  readonly order: number;
  isStopped: boolean;
}

/** A clock that moves from one timer to the next, as fast as what they start is done. */
export class VirtualClock implements Clock {
  readonly #wallStart: number;
  readonly #timers = new EarliestFirst<Timer[]>();
  readonly #byMoment = new Map<number, Timer[]>();
  #elapsed = 0;
  #order = 0;

  /** @param wallStart Milliseconds since the epoch. */
  constructor(wallStart: number) {
    this.#wallStart = wallStart;
  }

  /** As the system's: whole milliseconds. */
  now(): number {
    return Math.floor(this.#wallStart + this.#elapsed);
  }

  monotonic(): number {
    return this.#elapsed;
  }

  after(delayMs: number, callback: () => void): () => void {
    this.#order += 1;
    const timer: Timer = { callback, order: this.#order, isStopped: false };
    const at = this.#elapsed + Math.max(0, delayMs);
    const known = this.#byMoment.get(at);
    if (known === undefined) {
      const timers = [timer];
      this.#byMoment.set(at, timers);
      this.#timers.push(at, timers);
    } else {
      known.push(timer);
    }
    return () => {
      timer.isStopped = true;
    };
  }

  /** When the next timer is due; null: none is set. */
  nextAt(): number | null {
    for (;;) {
      const next = this.#timers.peek();
      if (next === null) return null;
      while (next.item[0]?.isStopped === true) next.item.shift();
      if (next.item.length > 0) return next.at;
      this.#timers.pop();
      this.#byMoment.delete(next.at);
    }
  }

  /** Moves to the next timer and calls it; false: none is set. */
  fireNext(): boolean {
    const at = this.nextAt();
    const timer = this.#timers.peek()?.item.shift();
    if (at === null || timer === undefined) return false;
    this.#elapsed = Math.max(this.#elapsed, at);
    timer.callback();
    return true;
  }

  /** Moves on to a moment before which no timer is due. */
  moveTo(at: number): void {
    this.#elapsed = Math.max(this.#elapsed, at);
  }
}
