import { findOptionProblems, wantAtLeast, wantSignal } from '../option-checks.ts';
import { refuseWrongArguments } from './argument-checks.ts';

/** What every call to the server takes. */
export interface CallOptions {
  /** Ends the call: it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Time allowed to one try, in milliseconds. Default: the client's `timeout`. */
  readonly timeout?: number | undefined;
}

const CHECKS = { signal: wantSignal, timeout: wantAtLeast(1) };

/** The same as the transport takes it. Throws `ValidationError` for what is neither. */
export function callLimits(options: CallOptions): {
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number | undefined;
} {
  refuseWrongArguments(findOptionProblems(options, CHECKS));
  const { signal, timeout } = options;
  return { signal, timeoutMs: timeout };
}
