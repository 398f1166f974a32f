import type { Id, Outcome, Verdict } from '@ezthrottle/engine';
import type { ForecastQuestion } from '../dispatch/forecast-question.ts';

/**
 * What has come into the dispatcher. Timers, writes, reads and calls are named by how many of their kind
 * there had been: a replay that does the same counts the same.
 */
export type TurnInput =
  | readonly ['start']
  | readonly ['stop']
  /** Its job stands in an `offer`; whether it was submitted with an entry for the audit log. */
  | readonly ['submit', Id, boolean]
  | readonly ['cancel', organization: Id, Id]
  | readonly ['ask', ForecastQuestion]
  | readonly ['timer', number]
  | readonly ['wrote', number, Verdict]
  | readonly ['unwritten', number, string]
  /** What was read, as JSON. */
  | readonly ['read', number, string]
  | readonly ['unread', number, string]
  | readonly ['sent', number]
  /** Calls that have ended, with the moment of it. */
  | readonly ['reports', readonly (readonly [call: number, Outcome, endedAt: number])[]]
  /** What holds there has changed: the `limit` stands before. */
  | readonly ['origin', Id, string]
  | readonly ['named', Id, string];

/**
 * All that came in at one time, and what follows from it without anything else: during it time stands still,
 * so that whoever does it again at the same moment does the same.
 */
export interface RecordedTurn {
  readonly type: 'turn';
  readonly n: number;
  readonly t: number;
  /** On the monotonic clock of the server that was recorded. */
  readonly m: number;
  /** Milliseconds since the epoch. */
  readonly w: number;
  readonly inputs: readonly TurnInput[];
  /** Answers to what was asked that were not the usual ones: the how-manieth, and what. Absent: none. */
  readonly draws?: readonly (readonly [number, unknown])[];
}
