import type { Outcome } from '@ezthrottle/engine';

/** Few enough to be a label: `2xx` to `5xx`, or why there was no answer. */
export type OutcomeClass =
  | '2xx'
  | '3xx'
  | '4xx'
  | '5xx'
  | 'other'
  | Exclude<Outcome['kind'], 'response'>;

export function outcomeClass(outcome: Outcome): OutcomeClass {
  return outcome.kind === 'response' ? statusClass(outcome.status) : outcome.kind;
}

export function statusClass(status: number): OutcomeClass {
  switch (Math.floor(status / 100)) {
    case 2:
      return '2xx';
    case 3:
      return '3xx';
    case 4:
      return '4xx';
    case 5:
      return '5xx';
    default:
      return 'other';
  }
}
