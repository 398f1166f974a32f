import type { ErrorCode, Problem } from '@ezthrottle/core/protocol';

/** A request is answered with a wire error instead of its result. */
export class ApiError extends Error {
  readonly code: ErrorCode;
  readonly problems: readonly Problem[];
  /** Seconds; sent with 429 and 503. */
  readonly retryAfter: number | null;
  /** Headers that belong to the refusal, such as `Allow`. */
  readonly headers: Readonly<Record<string, string>>;
  /** Fields that this refusal adds to the wire error. */
  readonly details: Readonly<Record<string, string | number>>;

  constructor(
    code: ErrorCode,
    message: string,
    more: {
      readonly problems?: readonly Problem[];
      readonly retryAfter?: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly details?: Readonly<Record<string, string | number>>;
    } = {},
  ) {
    super(message);
    this.name = 'ApiError';
    this.code = code;
    this.problems = more.problems ?? [];
    this.retryAfter = more.retryAfter ?? null;
    this.headers = more.headers ?? {};
    this.details = more.details ?? {};
  }
}

/** @throws ApiError when there is anything to complain about. */
export function refuseProblems(problems: readonly Problem[], what: string): void {
  if (problems.length === 0) return;
  const count = problems.length === 1 ? 'one problem' : `${problems.length} problems`;
  throw new ApiError('validation_failed', `${what} has ${count}`, { problems });
}
