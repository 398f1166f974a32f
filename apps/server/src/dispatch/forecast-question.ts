import type { ForecastStart, Id, KeyDivision, KeyPacer, StandingPart } from '@ezthrottle/engine';

/** A call whose start is to be foretold. */
export interface ForecastQuestion {
  readonly organization: Id;
  readonly jobId: Id;
  readonly leg: number;
  /** Name of its line. */
  readonly line: string;
  readonly apiKey: Id;
  readonly userId: string;
  readonly rank: number;
  /** When it comes into line, in milliseconds since the epoch. */
  readonly readyAt: number;
}

/** One of the keys that the call counts against, as it stands now. */
export interface ForecastKey {
  /** Of a limit; null: its destination. */
  readonly name: string | null;
  /** Whether it is the operator's, over all organizations. */
  readonly isOperators: boolean;
  readonly pacer: KeyPacer;
  /** Null: this node has all of it. */
  readonly division: KeyDivision | null;
  /** What the call takes from it. */
  readonly cost: number;
  /** What the calls before it take from it. */
  readonly ahead: number;
}

export interface ForecastAnswer {
  /** On the monotonic clock, at which the answer holds. */
  readonly now: number;
  readonly keys: readonly ForecastKey[];
  /** Calls that go before it and count against one of its keys, in their order. Whose others' are is not told. */
  readonly ahead: readonly ForecastStart[];
  /** How it stands among them where its destination is divided. */
  readonly standing: StandingPart;
  /** On the monotonic clock; null: not within what was looked at. */
  readonly startsAt: number | null;
  /** Whether all who wait were looked at. */
  readonly isWhole: boolean;
}
