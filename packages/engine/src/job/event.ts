import type { Outcome } from './outcome.ts';

/** What happens to a job. Each is the input of one decision. */
export type JobEvent =
  /** The first byte of an armed attempt goes out now. */
  | { readonly type: 'sent'; readonly leg: number; readonly attempt: number }
  | {
      readonly type: 'outcome';
      readonly leg: number;
      readonly attempt: number;
      readonly token: string;
      readonly outcome: Outcome;
    }
  /** A moment named by a `wake` effect has come, or may have. */
  | { readonly type: 'wake' }
  | { readonly type: 'cancel' };
