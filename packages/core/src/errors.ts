import type { Problem } from './protocol/wire-error.ts';

export interface EZThrottleErrorOptions {
  /** Stable, machine-readable. Default `error`. */
  readonly code?: string;
  /** HTTP status of the answer; null when there was none. */
  readonly status?: number | null;
  /** Names the request in the server's log. */
  readonly requestId?: string | null;
  /** Whether the same call may succeed later. Default false. */
  readonly retryable?: boolean;
  /** Not before this moment, in milliseconds since the epoch. */
  readonly retryAt?: number | null;
  readonly cause?: unknown;
}

/** Base of every error that this package throws on its own account. */
export class EZThrottleError extends Error {
  override readonly name: string = 'EZThrottleError';
  readonly code: string;
  readonly status: number | null;
  readonly requestId: string | null;
  readonly retryable: boolean;
  readonly retryAt: number | null;

  constructor(message: string, options: EZThrottleErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = options.code ?? 'error';
    this.status = options.status ?? null;
    this.requestId = options.requestId ?? null;
    this.retryable = options.retryable ?? false;
    this.retryAt = options.retryAt ?? null;
  }

  /**
   * Anything that was thrown as an error of this package: its own errors as they are, whatever ended
   * at a time limit as `timeout`, whatever was aborted as `aborted`, all else as `error`; the original
   * is the `cause`.
   */
  static from(error: unknown): EZThrottleError {
    if (error instanceof EZThrottleError) return error;
    const { name, message } = error instanceof Error ? error : new Error('No error was thrown');
    if (name === 'TimeoutError') return new TimeoutError(message, { cause: error });
    const code = name === 'AbortError' ? 'aborted' : 'error';
    return new EZThrottleError(message, { code, cause: error });
  }
}

/** The client was built or used without something it needs: an API key, a sealing key. */
export class ConfigurationError extends EZThrottleError {
  override readonly name: string = 'ConfigurationError';

  constructor(message: string, code = 'configuration') {
    super(message, { code });
  }
}

/** What a client that is closed ends its calls with. */
export function clientClosed(): EZThrottleError {
  return new EZThrottleError('The client is closed', { code: 'closed' });
}

/** The server could not be reached, or the connection broke before its answer was read. */
export class NetworkError extends EZThrottleError {
  override readonly name: string = 'NetworkError';

  constructor(message: string, options: EZThrottleErrorOptions = {}) {
    super(message, { code: 'network_error', retryable: true, ...options });
  }
}

/** No answer came in time. */
export class TimeoutError extends EZThrottleError {
  override readonly name: string = 'TimeoutError';

  constructor(message: string, options: EZThrottleErrorOptions = {}) {
    super(message, { code: 'timeout', retryable: true, ...options });
  }
}

/** 429: too much at once, or over a plan's limit. `retryAt` says when to come back, if known. */
export class RateLimitError extends EZThrottleError {
  override readonly name: string = 'RateLimitError';

  constructor(message: string, options: EZThrottleErrorOptions = {}) {
    super(message, { code: 'rate_limited', status: 429, retryable: true, ...options });
  }
}

/** 401: the API key is missing, unknown or revoked. */
export class AuthenticationError extends EZThrottleError {
  override readonly name: string = 'AuthenticationError';

  constructor(message: string, options: EZThrottleErrorOptions = {}) {
    super(message, { code: 'unauthorized', status: 401, ...options });
  }
}

/** 403: the API key is known but may not do this. */
export class PermissionError extends EZThrottleError {
  override readonly name: string = 'PermissionError';

  constructor(message: string, options: EZThrottleErrorOptions = {}) {
    super(message, { code: 'forbidden', status: 403, ...options });
  }
}

/** 404: there is no such job, or nothing is set. */
export class NotFoundError extends EZThrottleError {
  override readonly name: string = 'NotFoundError';

  constructor(message: string, options: EZThrottleErrorOptions = {}) {
    super(message, { code: 'not_found', status: 404, ...options });
  }
}

/** 409: it stands in a state that does not allow this. */
export class ConflictError extends EZThrottleError {
  override readonly name: string = 'ConflictError';

  constructor(message: string, options: EZThrottleErrorOptions = {}) {
    super(message, { code: 'conflict', status: 409, ...options });
  }
}

/** 413: the request is larger than the server takes. */
export class PayloadTooLargeError extends EZThrottleError {
  override readonly name: string = 'PayloadTooLargeError';

  constructor(message: string, options: EZThrottleErrorOptions = {}) {
    super(message, { code: 'payload_too_large', status: 413, ...options });
  }
}

/** 415: the server takes JSON only. */
export class UnsupportedMediaTypeError extends EZThrottleError {
  override readonly name: string = 'UnsupportedMediaTypeError';

  constructor(message: string, options: EZThrottleErrorOptions = {}) {
    super(message, { code: 'unsupported_media_type', status: 415, ...options });
  }
}

/**
 * Nothing was sent: the server has failed several times in a row, and is left alone until `retryAt`.
 */
export class CircuitOpenError extends EZThrottleError {
  override readonly name: string = 'CircuitOpenError';

  constructor(options: EZThrottleErrorOptions = {}) {
    super('The server keeps failing and is not called for now', {
      code: 'circuit_open',
      retryable: true,
      ...options,
    });
  }
}

/** 5xx of the server. */
export class ServerError extends EZThrottleError {
  override readonly name: string = 'ServerError';

  constructor(message: string, options: EZThrottleErrorOptions = {}) {
    super(message, { code: 'internal_error', retryable: true, ...options });
  }
}

/** Something in the input is wrong; `problems` lists everything that is. */
export class ValidationError extends EZThrottleError {
  override readonly name: string = 'ValidationError';
  readonly problems: readonly Problem[];

  constructor(message: string, problems: readonly Problem[], options: EZThrottleErrorOptions = {}) {
    super(message, { code: 'validation_failed', ...options });
    this.problems = problems;
  }
}

/** A step tree that cannot be compiled. Paths read like `onSuccess.fallback[0].url`. */
export class StepValidationError extends ValidationError {
  override readonly name: string = 'StepValidationError';

  constructor(problems: readonly Problem[]) {
    super(describeProblems('step tree', problems), problems, { code: 'step_validation' });
  }
}

/** A continuation that is altered, foreign, too old for our keys or not meant for this endpoint. */
export class ContinuationError extends EZThrottleError {
  override readonly name: string = 'ContinuationError';

  constructor(message: string, options: EZThrottleErrorOptions = {}) {
    super(message, { code: 'continuation_invalid', ...options });
  }
}

const SHOWN_PROBLEMS = 10;

/** One sentence for all of them, the first ten in full. */
export function describeProblems(what: string, problems: readonly Problem[]): string {
  const lines = problems
    .slice(0, SHOWN_PROBLEMS)
    .map(({ path, message, expected }) => `${path || 'step'} ${message} (expected: ${expected})`);
  const rest = problems.length - lines.length;
  if (rest > 0) lines.push(`and ${rest} more`);
  return `The ${what} has ${problems.length} problem${problems.length === 1 ? '' : 's'}: ${lines.join('; ')}`;
}

export function isEZThrottleError(error: unknown): error is EZThrottleError {
  return error instanceof EZThrottleError;
}

export function isAuthenticationError(error: unknown): error is AuthenticationError {
  return error instanceof AuthenticationError;
}

export function isCircuitOpenError(error: unknown): error is CircuitOpenError {
  return error instanceof CircuitOpenError;
}

export function isConfigurationError(error: unknown): error is ConfigurationError {
  return error instanceof ConfigurationError;
}

export function isConflictError(error: unknown): error is ConflictError {
  return error instanceof ConflictError;
}

export function isContinuationError(error: unknown): error is ContinuationError {
  return error instanceof ContinuationError;
}

export function isNetworkError(error: unknown): error is NetworkError {
  return error instanceof NetworkError;
}

export function isNotFoundError(error: unknown): error is NotFoundError {
  return error instanceof NotFoundError;
}

export function isPayloadTooLargeError(error: unknown): error is PayloadTooLargeError {
  return error instanceof PayloadTooLargeError;
}

export function isPermissionError(error: unknown): error is PermissionError {
  return error instanceof PermissionError;
}

export function isRateLimitError(error: unknown): error is RateLimitError {
  return error instanceof RateLimitError;
}

export function isServerError(error: unknown): error is ServerError {
  return error instanceof ServerError;
}

export function isTimeoutError(error: unknown): error is TimeoutError {
  return error instanceof TimeoutError;
}

export function isUnsupportedMediaTypeError(error: unknown): error is UnsupportedMediaTypeError {
  return error instanceof UnsupportedMediaTypeError;
}

export function isValidationError(error: unknown): error is ValidationError {
  return error instanceof ValidationError;
}

export function isRetryable(error: unknown): boolean {
  return error instanceof EZThrottleError && error.retryable;
}
