import type { Clock } from '@ezthrottle/engine';

interface Timer {
  readonly dueAt: number;
  readonly sequence: number;
  readonly callback: () => void;
}

/** A clock that stands still until it is told to move. */
export class FakeClock implements Clock {
  #elapsed = 0;
  #sequence = 0;
  #wallStart: number;
  readonly #timers = new Set<Timer>();

  constructor(startAt: number = Date.UTC(2026, 0, 1)) {
    this.#wallStart = startAt;
  }

  now(): number {
    return this.#wallStart + this.#elapsed;
  }

  monotonic(): number {
    return this.#elapsed;
  }

  after(delayMs: number, callback: () => void): () => void {
    this.#sequence += 1;
    const timer: Timer = {
      dueAt: this.#elapsed + Math.max(0, delayMs),
      sequence: this.#sequence,
      callback,
    };
    this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
    };
  }

  /** When the next timer is due, in milliseconds from now; null when none is set. */
  nextTimerIn(): number | null {
    const next = this.#next();
    return next === null ? null : next.dueAt - this.#elapsed;
  }

  /** Moves on by `ms`, calling each timer at its moment. Between timers, promises settle. */
  async advance(ms: number): Promise<void> {
    const target = this.#elapsed + ms;
    await settle();
    for (let next = this.#next(); next !== null && next.dueAt <= target; next = this.#next()) {
      this.#timers.delete(next);
      this.#elapsed = Math.max(this.#elapsed, next.dueAt);
      next.callback();
      await settle();
    }
    this.#elapsed = target;
  }

  /** The wall clock jumps, the monotonic one does not. */
  jumpWall(ms: number): void {
    this.#wallStart += ms;
  }

  #next(): Timer | null {
    let next: Timer | null = null;
    for (const timer of this.#timers) {
      const isEarlier =
        next === null ||
        timer.dueAt < next.dueAt ||
        (timer.dueAt === next.dueAt && timer.sequence < next.sequence);
      if (isEarlier) next = timer;
    }
    return next;
  }
}

/** Lets everything run that waits on nothing but promises and immediates. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) {
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}
