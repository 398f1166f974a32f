import type { AttemptCall, AttemptReport, Id } from '@ezthrottle/engine';

/** Where nodes hand each other calls. */
export const CALLS_PATH = '/cluster/v1/calls';
export const ABORTS_PATH = '/cluster/v1/aborts';

/** Calls that a node is asked to make from its region. */
export interface CallsMessage {
  /** To whom it tells what came of them. */
  readonly from: Id;
  readonly calls: readonly AttemptCall[];
}

export interface AbortMessage {
  readonly tokens: readonly string[];
}

/** What a node tells of the calls that it was asked to make, a line for each. */
export type CallEvent =
  | { readonly type: 'sent'; readonly token: string }
  | { readonly type: 'reports'; readonly reports: readonly AttemptReport[] }
  /** It is still there. */
  | { readonly type: 'alive' };

/** Between two signs of life, in milliseconds. */
export const ALIVE_EVERY_MS = 5_000;
