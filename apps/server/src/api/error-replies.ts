import { ERROR_STATUS, HEADERS, type WireError } from '@ezthrottle/core/protocol';
import type { Clock } from '@ezthrottle/engine';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ApiError } from './api-error.ts';

/**
 * Where failures are told; requests that are merely wrong are not. `server`: its own, `client`: it hung
 * up before its request was complete.
 */
export type ReportFailure = (error: unknown, requestId: string, fault: 'server' | 'client') => void;

/** Sends errors of every kind as the wire's one error shape. */
export function createErrorReplies(
  clock: Clock,
  report: ReportFailure,
): {
  send(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply;
} {
  return {
    send(error, request, reply) {
      const failure = toApiError(error);
      if (failure === null) {
        // A body that ends too early fails with the error that its stream was destroyed with.
        const hasHungUp = request.raw.destroyed && request.raw.errored === error;
        report(error, request.id, hasHungUp ? 'client' : 'server');
      }
      const answer = failure ?? new ApiError('internal_error', 'the server failed on this request');
      const { body, headers } = wireErrorOf(answer, request.id, clock.now());
      return reply
        .code(ERROR_STATUS[answer.code])
        .headers({ [HEADERS.requestId]: request.id, ...headers })
        .type('application/json; charset=utf-8')
        .send(JSON.stringify(body));
    },
  };
}

/** The body and headers of a refusal. */
export function wireErrorOf(
  error: ApiError,
  requestId: string,
  now: number,
): { readonly body: WireError; readonly headers: Readonly<Record<string, string>> } {
  const waits = error.retryAfter === null ? null : Math.max(1, Math.ceil(error.retryAfter));
  return {
    body: {
      error: error.code,
      message: error.message,
      ...(error.problems.length > 0 && { problems: error.problems }),
      ...error.details,
      request_id: requestId,
      ...(waits !== null && { retry_after: waits, retry_at: now + waits * 1_000 }),
    },
    headers: {
      ...error.headers,
      ...(waits !== null && { [HEADERS.retryAfter]: String(waits) }),
    },
  };
}

/** What the framework complains about, in the wire's words; null when it is our own failure. */
function toApiError(error: unknown): ApiError | null {
  if (error instanceof ApiError) return error;
  if (!(error instanceof Error) || !('code' in error)) return null;
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new ApiError('payload_too_large', 'the request body is too long');
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new ApiError(
        'unsupported_media_type',
        'the request body must be JSON: send Content-Type: application/json',
      );
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return new ApiError('invalid_json', 'the request body is not as long as Content-Length says');
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
      return new ApiError('invalid_json', 'the request body is not JSON');
    case 'FST_ERR_BAD_URL':
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new ApiError('not_found', 'there is nothing at this address');
    case 'store_failed':
      return new ApiError(
        'unavailable',
        'the store failed and the server stops; what was asked for may or may not have been done',
        { retryAfter: 5 },
      );
    case 'store_unavailable':
      return new ApiError('unavailable', 'the database does not answer', { retryAfter: 2 });
    case 'FST_ERR_HANDLER_TIMEOUT':
      return new ApiError('unavailable', 'the server is busy', { retryAfter: 1 });
    default:
      return null;
  }
}
