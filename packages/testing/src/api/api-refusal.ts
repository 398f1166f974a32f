import {
  type ErrorCode,
  ERROR_STATUS,
  type Problem,
  type WireError,
} from '@ezthrottle/core/protocol';

/** Why a request is not done. */
export class ApiRefusal extends Error {
  override readonly name = 'ApiRefusal';
  readonly code: ErrorCode;
  readonly problems: readonly Problem[];
  readonly headers: Readonly<Record<string, string>>;
  readonly details: Readonly<Record<string, string | number>>;

  constructor(
    code: ErrorCode,
    message: string,
    more: Partial<Pick<ApiRefusal, 'problems' | 'headers' | 'details'>> = {},
  ) {
    super(message);
    this.code = code;
    this.problems = more.problems ?? [];
    this.headers = more.headers ?? {};
    this.details = more.details ?? {};
  }

  get status(): number {
    return ERROR_STATUS[this.code];
  }

  /** As the server writes it. */
  body(requestId: string): WireError {
    return {
      error: this.code,
      message: this.message,
      ...(this.problems.length === 0 ? {} : { problems: this.problems }),
      ...this.details,
      request_id: requestId,
    };
  }
}

/** @throws {ApiRefusal} when there is anything to complain about. */
export function refuse(problems: readonly Problem[], what: string): void {
  if (problems.length === 0) return;
  const count = problems.length === 1 ? 'one problem' : `${problems.length} problems`;
  throw new ApiRefusal('validation_failed', `${what} has ${count}`, { problems });
}

export function noSuchJob(): ApiRefusal {
  return new ApiRefusal('not_found', 'there is no such job');
}
