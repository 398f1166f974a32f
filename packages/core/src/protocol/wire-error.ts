/** Why a request was refused: a stable code and the HTTP status that goes with it. */
export const ERROR_STATUS = {
  validation_failed: 400,
  invalid_json: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  conflict: 409,
  idempotency_conflict: 409,
  replace_too_late: 409,
  precondition_failed: 412,
  payload_too_large: 413,
  unsupported_media_type: 415,
  idempotency_mismatch: 422,
  limits_unusable: 422,
  secrets_unusable: 422,
  rate_limited: 429,
  internal_error: 500,
  unavailable: 503,
} as const;

export type ErrorCode = keyof typeof ERROR_STATUS;

/** One thing that is wrong with the input. */
export interface Problem {
  /** Place in the input, for example `on_success.fallback_job.url` or `webhooks[0].url`. */
  readonly path: string;
  /** What is wrong. */
  readonly message: string;
  /** What would be right. */
  readonly expected: string;
}

/** Body of every error answer. */
export interface WireError {
  readonly error: ErrorCode;
  readonly message: string;
  readonly problems?: readonly Problem[];
  readonly request_id: string;
  /** Seconds, with 429 and 503. */
  readonly retry_after?: number;
  /** Milliseconds since the epoch, the same instant as `retry_after`. */
  readonly retry_at?: number;
}
