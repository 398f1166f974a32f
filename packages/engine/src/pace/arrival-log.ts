import type { PaceState } from './pace-state.ts';

/** Longest log: at a higher rate a shorter window is held. */
const MAX_CALLS = 1_024;
/** What one answer may be late, and be taken for a late arrival; in milliseconds. */
const MAX_LATE_MS = 50;
/** How fast the usual time of an answer follows slower ones. It follows quicker ones at once. */
const USUAL_GAIN = 0.1;

/** What the log must know of its key. */
export type LoggedPace = Pick<PaceState, 'ratePerSecond' | 'settings'>;

/**
 * When the latest calls of one key have arrived at their target, as well as can be told from here.
 *
 * A target that counts strictly ("10 in any second") counts arrivals, and a call may travel slowly: then
 * the eleventh comes too early although it was sent in time. An answer that is later than usual is
 * taken for a late arrival, so the call one window after it waits that much longer. Mutable, and
 * deterministic; times are monotonic milliseconds.
 */
export class ArrivalLog {
  #times: number[] = [];
  /** Number of the first call in `#times`. */
  #first = 0;
  #usualMs: number | null = null;

  /** Notes a call that is sent now; returns its number. */
  sent(at: number, pace: LoggedPace): number {
    this.#times.push(at);
    const kept = callsPerWindow(pace) + extraCalls(pace);
    if (this.#times.length > 2 * kept) {
      this.#first += this.#times.length - kept;
      this.#times = this.#times.slice(-kept);
    }
    return this.#first + this.#times.length - 1;
  }

  /** The call left later than it was noted. */
  left(call: number, at: number): void {
    if (call >= this.#first) this.#times[call - this.#first] = at;
  }

  /** The call was answered at this moment. */
  answered(call: number, at: number): void {
    const sentAt = this.#times[call - this.#first];
    if (sentAt === undefined) return;
    const tookMs = at - sentAt;
    const lateMs = tookMs - (this.#usualMs ?? 0);
    this.#usualMs =
      this.#usualMs === null || lateMs < 0 ? tookMs : this.#usualMs + lateMs * USUAL_GAIN;
    this.#times[call - this.#first] = sentAt + Math.min(MAX_LATE_MS, Math.max(0, lateMs));
  }

  /** The same log, to try things on. */
  fork(): ArrivalLog {
    const copy = new ArrivalLog();
    copy.#times = this.#times.slice();
    copy.#first = this.#first;
    copy.#usualMs = this.#usualMs;
    return copy;
  }

  /** From when on one more call fits into a window at this pace; null when nothing speaks against it. */
  freeAt(pace: LoggedPace): number | null {
    const calls = callsPerWindow(pace);
    const oldest = this.#times[this.#times.length - calls - extraCalls(pace)];
    return oldest === undefined ? null : oldest + (calls * 1_000) / pace.ratePerSecond;
  }
}

/** Calls in the window that is held: a second's worth, or the shortest time with a whole number. */
function callsPerWindow({ ratePerSecond }: LoggedPace): number {
  return Math.min(MAX_CALLS, Math.ceil(ratePerSecond));
}

/** Calls that a configured burst allows in a window beside its own. */
function extraCalls({ settings }: LoggedPace): number {
  return Math.max(0, Math.floor(settings.burst) - 1);
}
