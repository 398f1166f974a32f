/** What the operator (or a default) says about one key. Responses of the target move it from there. */
export interface PaceSettings {
  /** Requests per second before anything was learned. Default 2. */
  readonly ratePerSecond: number;
  /** Requests that may leave at once after a rest. Default 1; in effect never less than `1 + rate × 5 ms`. */
  readonly burst: number;
  /** Calls under way at the same time. Default 16. */
  readonly concurrency: number;
  /** No response lowers the rate below this. Default 0.5. */
  readonly floorPerSecond: number;
  /** No response raises the rate above this. Default 1,000. */
  readonly maxPerSecond: number;
  /** Whether somebody chose rate and concurrency on purpose: then they are a ceiling. Default false. */
  readonly configured: boolean;
  /** Whether responses may go above what was configured. Default false. */
  readonly allowRaise: boolean;
  /**
   * What share of the whole these settings are, where several nodes spend one limit: what a target announces
   * is meant for the whole. Absent: they are the whole.
   */
  readonly part?: number;
  /**
   * Whether rate and concurrency are what the target has announced, and not what somebody said: what it announces
   * next takes their place, also where that is less. Default false.
   */
  readonly isTaught?: boolean;
}

export const DEFAULT_PACE: PaceSettings = {
  ratePerSecond: 2,
  burst: 1,
  concurrency: 16,
  floorPerSecond: 0.5,
  maxPerSecond: 1_000,
  configured: false,
  allowRaise: false,
};

/** The constants of the law; `spec/pacing.md` says why each has its value. */
export const PACE_LAW = {
  /** Share of the rate left unused: a target counts what arrives, and calls may travel a little faster. */
  headroom: 0.015,
  /** Timers wake late by a few milliseconds; a burst of this much time makes up for it. */
  timerSlackMs: 5,
  /** A 429 or 503 without further word leaves at least this share of the rate. */
  leastDecreaseFactor: 0.5,
  /** … and this share of what the target seems to bear: it is to find room. */
  yieldFactor: 0.95,
  /** One decrease per window: the longer of this and two intervals of the pace. */
  decreaseWindowMs: 1_000,
  /** Answers count for this long when the share of refusals is taken. */
  shareMs: 1_000,
  /** How steeply the rate grows with the cube of the seconds from where it was refused. */
  growth: 0.00044,
  /** Without growth to add (at the very start of it) so much comes back per second, of the rate. */
  leastGrowthPerSecond: 0.001,
  /** After a pause that a refusal asked for, another refusal within this time lowers the rate as well. */
  relapseMs: 60_000,
  /** Slots that come back per second of successes. */
  slotsPerSecond: 1,
  /** A success vouches for at most this much time before it. */
  increaseCreditMs: 5_000,
  /** No response stops a key for longer. */
  maxPauseMs: 86_400_000,
  /** No response asks for more calls at the same time. */
  maxConcurrency: 1_024,
} as const;

/** Highest rate that a response may set. */
export function rateCeiling(settings: PaceSettings): number {
  return isCeiling(settings) ? settings.ratePerSecond : settings.maxPerSecond;
}

/** Highest concurrency that a response may set. */
export function concurrencyCeiling(settings: PaceSettings): number {
  return isCeiling(settings)
    ? settings.concurrency
    : Math.max(settings.concurrency, PACE_LAW.maxConcurrency);
}

/** Within floor and ceiling; an operator's ceiling below the floor wins. */
export function clampRate(settings: PaceSettings, rate: number): number {
  return Math.min(rateCeiling(settings), Math.max(settings.floorPerSecond, rate));
}

export function clampConcurrency(settings: PaceSettings, concurrency: number): number {
  return Math.min(concurrencyCeiling(settings), Math.max(1, concurrency));
}

function isCeiling(settings: PaceSettings): boolean {
  return settings.configured && !settings.allowRaise;
}

/** Calls at the same time of a part of what was taught: parts of parts come back a little off. */
export function wholeSlots(slots: number): number {
  return slots === 0 ? 0 : Math.max(1, Math.floor(slots + 1e-6));
}
