import { type JobState, REDRIVE_OUTCOMES, type RedriveOutcome } from '@ezthrottle/core/protocol';
import type { DeadReason, DeliveryRecord, EndpointDisabled, OutcomeKind } from '@ezthrottle/engine';

// Words as numbers: a word in a row and in each of its indexes costs bytes and comparisons. The order
// is what is stored: it may grow at its end and never change.
const STATES: readonly JobState[] = [
  'pending',
  'scheduled',
  'processing',
  'completed',
  'failed',
  'deadletter',
  'cancelled',
];
const OUTCOMES: readonly OutcomeKind[] = [
  'response',
  'network_error',
  'timeout',
  'aborted',
  'refused',
  'unknown',
];
const DELIVERY_STATES: readonly DeliveryRecord['state'][] = ['pending', 'delivered', 'dead'];

const DEAD_REASONS: readonly DeadReason[] = ['gone', 'refused', 'gave_up', 'endpoint_disabled'];
const DISABLED_BY: readonly EndpointDisabled['by'][] = ['gone', 'owner'];

/** One closed list of words and its numbers. */
export interface Codes<Word> {
  codeOf(word: Word): number;
  /** Undefined for a number that stands for no word. */
  wordOf(code: number): Word | undefined;
}

function codes<Word extends string>(words: readonly Word[]): Codes<Word> {
  const numbers = new Map(words.map((word, code) => [word, code]));
  return {
    // A word that is not in the list is refused by the column's CHECK.
    codeOf: (word) => numbers.get(word) ?? -1,
    wordOf: (code) => words[code],
  };
}

export const JOB_STATE_CODES: Codes<JobState> = codes(STATES);
export const OUTCOME_CODES: Codes<OutcomeKind> = codes(OUTCOMES);
export const DELIVERY_STATE_CODES: Codes<DeliveryRecord['state']> = codes(DELIVERY_STATES);
export const DEAD_REASON_CODES: Codes<DeadReason> = codes(DEAD_REASONS);
export const DISABLED_BY_CODES: Codes<EndpointDisabled['by']> = codes(DISABLED_BY);
export const REDRIVE_OUTCOME_CODES: Codes<RedriveOutcome> = codes(REDRIVE_OUTCOMES);
