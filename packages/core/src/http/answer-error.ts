import type { Problem } from '../protocol/wire-error.ts';
import {
  AuthenticationError,
  ConflictError,
  EZThrottleError,
  NotFoundError,
  PayloadTooLargeError,
  PermissionError,
  RateLimitError,
  ServerError,
  UnsupportedMediaTypeError,
  ValidationError,
  type EZThrottleErrorOptions,
} from '../errors.ts';
import { isObject, textOf, type JsonRecord } from './json.ts';
import { parseRetryAfter } from './retry-after.ts';

/** An answer of the server, its body read. */
export interface Answer {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  readonly text: string;
  /** Parsed body; undefined when it is not JSON. */
  readonly json: unknown;
}

const SHOWN_TEXT = 300;

/**
 * The error that an answer other than 2xx stands for. Never repeats what was sent.
 *
 * @param sentId Id that the request was sent with, for servers that do not tell it.
 */
export function answerError(answer: Answer, now: number, sentId: string | null): EZThrottleError {
  const body = isObject(answer.json) ? answer.json : {};
  const { status } = answer;
  const message = `${messageOf(body, answer)} (HTTP ${status})`;
  const code = textOf(body['error']);
  const options: EZThrottleErrorOptions = {
    status,
    requestId: textOf(body['request_id']) ?? answer.headers.get('x-request-id') ?? sentId,
    retryAt: retryAtOf(answer, now),
    // Older servers put a sentence there.
    ...(code !== null && /^[a-z_]{1,64}$/.test(code) ? { code } : {}),
  };
  if (status === 400 || status === 422) {
    return new ValidationError(message, problemsOf(body), options);
  }
  if (status >= 500) return new ServerError(message, options);
  const Class = CLASSES[status];
  if (Class !== undefined) return new Class(message, options);
  return new EZThrottleError(message, { code: 'unexpected_answer', ...options });
}

const CLASSES: Readonly<
  Record<number, new (message: string, options: EZThrottleErrorOptions) => EZThrottleError>
> = {
  401: AuthenticationError,
  403: PermissionError,
  404: NotFoundError,
  409: ConflictError,
  413: PayloadTooLargeError,
  415: UnsupportedMediaTypeError,
  429: RateLimitError,
};

/** When to come back: `retry_at` (milliseconds), the header, or `retry_after` (seconds). */
function retryAtOf({ json, headers }: Answer, now: number): number | null {
  const body = isObject(json) ? json : {};
  const fromBody = body['retry_at'];
  if (typeof fromBody === 'number' && Number.isFinite(fromBody)) return fromBody;
  const fromHeader = parseRetryAfter(headers.get('retry-after'), now);
  if (fromHeader !== null) return fromHeader;
  const seconds = body['retry_after'] ?? body['retry_after_seconds'];
  return typeof seconds === 'number' && Number.isFinite(seconds) ? now + seconds * 1_000 : null;
}

function messageOf(body: JsonRecord, { text }: Answer): string {
  const said = textOf(body['message']) ?? textOf(body['error']);
  const shown = said ?? text.trim();
  return shown === '' ? 'The server gave no reason' : shown.slice(0, SHOWN_TEXT);
}

function problemsOf(body: JsonRecord): readonly Problem[] {
  const problems: unknown = body['problems'];
  if (!Array.isArray(problems)) return [];
  const entries: readonly unknown[] = problems;
  return entries.filter(isObject).map((entry) => ({
    path: textOf(entry['path']) ?? '',
    message: textOf(entry['message']) ?? '',
    expected: textOf(entry['expected']) ?? '',
  }));
}
