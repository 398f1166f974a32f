import type { JobState, SubmitReply } from '../protocol/job.ts';
import { EZThrottleError } from '../errors.ts';

/** What a step gave: an outcome of its own, or a job on the server. */
export type StepResult = LocalResult | SubmittedResult;

/** One call made here. */
export interface LocalAttempt {
  /** 0 the step's own call, n its n-th fallback. */
  readonly path: number;
  /** Without query and fragment. */
  readonly url: string;
  readonly outcome: 'response' | 'network_error' | 'timeout' | 'aborted';
  readonly status_code: number | null;
  readonly error: string | null;
  readonly duration_ms: number;
}

/** How a FRUGAL step ended here. */
export interface LocalOutcome {
  readonly status: 'success' | 'failed';
  /** Of the call that decided; null when there was no answer. */
  readonly status_code: number | null;
  /** Body as text; null when there was no answer. */
  readonly response: string | null;
  readonly response_headers: Readonly<Record<string, string>>;
  /** The body was longer than is kept. */
  readonly truncated: boolean;
  readonly error: string | null;
  /** Which call decided: 0 the step's own, n its n-th fallback. */
  readonly path: number;
  readonly attempts: readonly LocalAttempt[];
}

export interface LocalResult extends LocalOutcome {
  readonly kind: 'local';
  readonly executed_locally: true;
  readonly job_id: null;
  readonly idempotent_key: string | null;
  /**
   * Settled when every step that followed has ended; never rejects. Not enumerable, so that a result
   * can be written as JSON. Give it to `waitUntil` where a process ends with its request.
   */
  readonly children: Promise<readonly ChildOutcome[]>;
}

export interface SubmittedResult {
  readonly kind: 'submitted';
  readonly executed_locally: false;
  readonly job_id: string;
  /** The server's word: `queued`, `racing`, and for a duplicate where the first job stands. */
  readonly status: string;
  readonly state: JobState | null;
  /** Null from servers that do not tell. */
  readonly idempotent_key: string | null;
  readonly queued_at: number | null;
  readonly duplicate: boolean;
  readonly mismatch: boolean;
  readonly warnings: NonNullable<SubmitReply['warnings']>;
  readonly status_code: null;
  readonly response: null;
  /** Of a FRUGAL step that was handed on: why; otherwise null. */
  readonly local: LocalOutcome | null;
}

/** What became of a step that followed. */
export type ChildOutcome =
  | { readonly edge: string; readonly ok: true; readonly result: StepResult }
  | { readonly edge: string; readonly ok: false; readonly error: unknown };

/**
 * A FRUGAL step failed here and could not be handed to the server: `outcome` says how it failed here,
 * `cause` why it was not taken.
 */
export class ForwardFailedError extends EZThrottleError {
  override readonly name: string = 'ForwardFailedError';
  readonly outcome: LocalOutcome;
  /** The answer was lost, so a job may exist nevertheless; `onFailure` steps were then not started. */
  readonly mayHaveBeenAccepted: boolean;

  constructor(outcome: LocalOutcome, cause: unknown, mayHaveBeenAccepted: boolean) {
    const why = cause instanceof Error ? cause.message : 'unknown error';
    super(`${outcome.error ?? 'The call failed'}, and it could not be handed on: ${why}`, {
      code: 'forward_failed',
      cause,
      ...(cause instanceof EZThrottleError
        ? {
            status: cause.status,
            requestId: cause.requestId,
            retryable: cause.retryable,
            retryAt: cause.retryAt,
          }
        : {}),
    });
    this.outcome = outcome;
    this.mayHaveBeenAccepted = mayHaveBeenAccepted;
  }
}

export function isForwardFailedError(error: unknown): error is ForwardFailedError {
  return error instanceof ForwardFailedError;
}
