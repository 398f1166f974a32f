import { PACE_LAW } from './pace-settings.ts';
import type { PaceSettings } from './pace-settings.ts';

/**
 * Where one key stands. Plain data; times are monotonic milliseconds. The rate is held by GCRA:
 * `arrivesAt` is the theoretical arrival time, by which everything sent so far is paid off.
 */
export interface PaceState {
  readonly settings: PaceSettings;
  readonly ratePerSecond: number;
  /** Calls allowed at the same time; a fraction is a slot that is coming back. */
  readonly concurrency: number;
  /** What the target announced last; null: it never did. */
  readonly learnedRate: number | null;
  readonly learnedConcurrency: number | null;
  readonly arrivesAt: number;
  readonly inFlight: number;
  readonly pausedUntil: number | null;
  /** When the rate was last cut for a 429 or 503. */
  readonly decreasedAt: number | null;
  /** Up to when successes have been turned into increases. */
  readonly raisedAt: number;
  /** Answers and refusals of late, fading: what share of its calls the target refuses. */
  readonly answers: number;
  readonly refusals: number;
  readonly countedAt: number;
  /** What the target seemed to bear when it refused last, and for how long the rate has grown since. */
  readonly peakRate: number | null;
  readonly troughRate: number | null;
  readonly grownMs: number;
  /** The rate from which it was slowed down because little was left of a quota; null: it was not. */
  readonly spreadFrom: number | null;
  /** End of the last pause that a refusal asked for. */
  readonly heldBackUntil: number | null;
  /** Nothing leaves from then on, until the allotment is renewed. Absent: no end. */
  readonly allottedUntil?: number | undefined;
}

/** A key of which nothing is known yet: its first request may leave at once. */
export function createPace(settings: PaceSettings, now: number): PaceState {
  return {
    settings,
    ratePerSecond: settings.ratePerSecond,
    concurrency: settings.concurrency,
    learnedRate: null,
    learnedConcurrency: null,
    arrivesAt: now,
    inFlight: 0,
    pausedUntil: null,
    decreasedAt: null,
    raisedAt: now,
    answers: 0,
    refusals: 0,
    countedAt: now,
    peakRate: null,
    troughRate: null,
    grownMs: 0,
    spreadFrom: null,
    heldBackUntil: null,
  };
}

/** Milliseconds between two requests: what the rate says, and the headroom. */
export function intervalMs(state: Pick<PaceState, 'ratePerSecond'>): number {
  return 1_000 / (state.ratePerSecond * (1 - PACE_LAW.headroom));
}

/**
 * Requests that may leave at once after a rest: part of every bound on the rate. One more than the
 * slack's worth, so that a timer which wakes late by no more than the slack costs nothing at any rate.
 */
export function effectiveBurst(state: PaceState): number {
  const slack = (state.ratePerSecond * PACE_LAW.timerSlackMs) / 1_000;
  return Math.max(1 + slack, state.settings.burst);
}

/** Requests sent and not yet paid off by time. */
export function owedRequests(state: PaceState, now: number): number {
  return Math.max(0, state.arrivesAt - now) / intervalMs(state);
}

/**
 * Earliest moment at which the rate alone lets the next request of this cost go. One that costs more than
 * the burst waits until nothing is owed, and then goes as if it cost just that.
 */
export function nextByRate(state: PaceState, cost = 1): number {
  return state.arrivesAt - Math.max(0, effectiveBurst(state) - cost) * intervalMs(state);
}

/** The largest cost that a request may have at a key with these settings, whatever the target says later. */
export function largestCost({ burst }: Pick<PaceSettings, 'burst'>): number {
  return Math.max(1, burst);
}

/**
 * Another rate from now on. What is owed stays owed, in requests and not in time, so that over any
 * window no more leaves than the rates of that window add up to, plus one burst.
 */
export function withRate(state: PaceState, ratePerSecond: number, now: number): PaceState {
  if (ratePerSecond === state.ratePerSecond) return state;
  const owed = owedRequests(state, now);
  return { ...state, ratePerSecond, arrivesAt: now + owed * intervalMs({ ratePerSecond }) };
}

/**
 * A request that was booked has really left, perhaps late: its connection had to be opened first, or
 * the process was busy. What leaves after it keeps its distance from that moment.
 *
 * @param unsent What is booked and not yet sent, in requests (or their costs): it will want its time, too.
 * @param cost Of the request that has left. Default 1.
 */
export function chargeSent(state: PaceState, sentAt: number, unsent: number, cost = 1): PaceState {
  const paidAt = sentAt + (unsent + cost) * intervalMs(state);
  return paidAt > state.arrivesAt ? { ...state, arrivesAt: paidAt } : state;
}

/** No burst to begin with: for a key whose past is not known in full. */
export function spendBurst(state: PaceState, now: number): PaceState {
  const spent = now + effectiveBurst(state) * intervalMs(state);
  return spent > state.arrivesAt ? { ...state, arrivesAt: spent } : state;
}
