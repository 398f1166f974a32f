import type { Clock } from '@ezthrottle/engine';
import { firstDifference, SortedList } from '../store/sorted-list.ts';

interface Timer {
  readonly dueAt: number;
  readonly sequence: number;
  readonly callback: () => void;
}

/** Time that stands still until it is moved. Counts from its start; fractions of a millisecond count. */
export class VirtualClock implements Clock {
  readonly #startAt: number;
  readonly #timers = new SortedList<Timer>((one, other) =>
    firstDifference(one.dueAt - other.dueAt, one.sequence - other.sequence),
  );
  #elapsed = 0;
  #sequence = 0;

  /** @param startAt Milliseconds since the epoch. */
  constructor(startAt: number) {
    this.#startAt = Math.floor(startAt);
  }

  /** Whole milliseconds since the epoch. */
  now(): number {
    return Math.floor(this.#startAt + this.#elapsed);
  }

  /** Milliseconds since the start. */
  monotonic(): number {
    return this.#elapsed;
  }

  after(delayMs: number, callback: () => void): () => void {
    this.#sequence += 1;
    const dueAt = this.#elapsed + Math.max(0, delayMs);
    const timer: Timer = { dueAt, sequence: this.#sequence, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** When the next timer is due, in milliseconds since the start; null when none is set. */
  nextTimerAt(): number | null {
    return this.#timers.first?.dueAt ?? null;
  }

  /** Calls the next timer if it is due now. False when none is. */
  fireNext(): boolean {
    const timer = this.#timers.first;
    if (timer === undefined || timer.dueAt > this.#elapsed) return false;
    this.#timers.delete(timer);
    timer.callback();
    return true;
  }

  /** Moves on to this moment since the start; never back. Calls no timers. */
  moveTo(elapsed: number): void {
    this.#elapsed = Math.max(this.#elapsed, elapsed);
  }

  /** A moment since the epoch as one since the start. */
  elapsedAt(at: number): number {
    return at - this.#startAt;
  }
}
