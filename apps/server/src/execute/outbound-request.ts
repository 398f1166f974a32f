import {
  CONNECTION_HEADERS,
  checkHeaders,
  checkMethod,
  checkUrl,
  type Problem,
} from '@ezthrottle/core/protocol';
import type { AttemptCall, Outcome } from '@ezthrottle/engine';

/** A call in the words of HTTP/1.1. */
export interface OutboundRequest {
  readonly origin: string;
  /** Path with query. */
  readonly path: string;
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body: Buffer | null;
}

export type Prepared =
  | { readonly ok: true; readonly request: OutboundRequest }
  | { readonly ok: false; readonly refused: Outcome };

/**
 * Turns a call into a request. Headers that describe the connection or the framing (`host`,
 * `content-length`, hop-by-hop ones) are left out, whatever the user gave: they follow from the URL
 * and the body. What cannot be sent as it is, is refused rather than mended.
 */
export function prepareRequest(call: AttemptCall, userAgent: string): Prepared {
  const headers = sendableHeaders(call.headers, userAgent);
  const [problem] = [
    ...checkUrl(call.url, 'url'),
    ...checkMethod(call.method, 'method'),
    ...checkHeaders(headers, 'headers'),
  ];
  if (problem !== undefined) return { ok: false, refused: refusedFor(problem) };
  const url = new URL(call.url);
  return {
    ok: true,
    request: {
      origin: url.origin,
      path: `${url.pathname}${url.search}`,
      method: call.method,
      headers,
      body: call.body === null ? null : Buffer.from(call.body.data, call.body.encoding),
    },
  };
}

function sendableHeaders(
  given: Readonly<Record<string, string>>,
  userAgent: string,
): Record<string, string> {
  const sendable = Object.entries(given).filter(
    ([name]) => !CONNECTION_HEADERS.has(name.toLowerCase()),
  );
  if (!sendable.some(([name]) => name.toLowerCase() === 'user-agent')) {
    sendable.push(['user-agent', userAgent]);
  }
  // From entries, not by assignment: `__proto__` is a name that a header may have.
  return Object.fromEntries(sendable);
}

/** Names the place but not the value, which may be a secret. */
function refusedFor(problem: Problem): Outcome {
  const place = problem.path.startsWith('headers') ? 'header' : problem.path;
  return {
    kind: 'refused',
    code: `invalid_${place}`,
    message: `${problem.path} ${problem.message}; expected ${problem.expected}`,
  };
}
