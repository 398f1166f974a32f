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
  readonly headers: Readonly<Record<string, string>>;
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
  const address = addressOf(call.url);
  const problem =
    ('problems' in address ? address.problems[0] : undefined) ??
    checkMethod(call.method, 'method')[0] ??
    checkHeaders(headers, 'headers')[0];
  if (problem !== undefined || 'problems' in address) {
    return { ok: false, refused: refusedFor(problem ?? UNUSABLE) };
  }
  return {
    ok: true,
    request: {
      ...address,
      method: call.method,
      headers,
      body: call.body === null ? null : Buffer.from(call.body.data, call.body.encoding),
    },
  };
}

const UNUSABLE: Problem = { path: 'url', message: 'cannot be used', expected: 'an address' };

type Address = Pick<OutboundRequest, 'origin' | 'path'> | { readonly problems: readonly Problem[] };

/** Most calls go where others went: taking an address apart costs as much as half of the rest. */
const KEPT_ADDRESSES = 1_000;
const LONGEST_KEPT = 512;
const addresses = new Map<string, Address>();

function addressOf(url: string): Address {
  const known = addresses.get(url);
  if (known !== undefined) return known;
  const address = takenApart(url);
  if (url.length > LONGEST_KEPT) return address;
  if (addresses.size >= KEPT_ADDRESSES) addresses.clear();
  addresses.set(url, address);
  return address;
}

function takenApart(text: string): Address {
  const problems = checkUrl(text, 'url');
  if (problems.length > 0) return { problems };
  const { origin, pathname, search } = new URL(text);
  return { origin, path: `${pathname}${search}` };
}

function sendableHeaders(
  given: Readonly<Record<string, string>>,
  userAgent: string,
): Readonly<Record<string, string>> {
  let hasAgent = false;
  let isSendable = true;
  for (const name of Object.keys(given)) {
    const lower = name.toLowerCase();
    if (lower === 'user-agent') hasAgent = true;
    if (CONNECTION_HEADERS.has(lower)) isSendable = false;
  }
  // Spread and from entries, not by assignment: `__proto__` is a name that a header may have.
  const sendable = isSendable ? given : withoutConnectionHeaders(given);
  return hasAgent ? sendable : { ...sendable, 'user-agent': userAgent };
}

function withoutConnectionHeaders(
  given: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(given).filter(([name]) => !CONNECTION_HEADERS.has(name.toLowerCase())),
  );
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
