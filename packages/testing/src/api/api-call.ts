import { HEADERS, LIMITS } from '@ezthrottle/core/protocol';
import { ApiRefusal } from './api-refusal.ts';

/** A request to the API, read. */
export interface ApiCall {
  readonly body: unknown;
  /** What the pattern of the route has found in the path. */
  readonly params: readonly string[];
  readonly query: URLSearchParams;
  readonly requestId: string;
  /** Null: there is no such header. */
  readonly header: (name: string) => string | null;
  readonly signal: AbortSignal;
}

export interface ApiAnswer {
  readonly status: number;
  /** JSON, or a stream of server-sent events; undefined: nothing. */
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ApiRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: RegExp;
  handle(call: ApiCall): ApiAnswer | Promise<ApiAnswer>;
}

const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json(?:;|$)/i;
const BEARER = /^bearer +(\S+)$/i;
const SANE_ID = /^[\w.:-]{1,128}$/;

/** Undefined when there is no body. @throws {ApiRefusal} for one that is too long or no JSON. */
export async function readJsonBody(request: Request): Promise<unknown> {
  const bytes = await request.arrayBuffer();
  if (bytes.byteLength === 0) return undefined;
  if (bytes.byteLength > LIMITS.requestBytes) {
    throw new ApiRefusal('payload_too_large', 'the request body is too long');
  }
  if (!JSON_TYPE.test(request.headers.get('content-type') ?? '')) {
    throw new ApiRefusal(
      'unsupported_media_type',
      'the request body must be JSON: send Content-Type: application/json',
    );
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new ApiRefusal('invalid_json', 'the request body is not JSON');
  }
}

/** The key that the caller shows; null when there is none. */
export function keyOf({ headers }: Request): string | null {
  const bearer = BEARER.exec(headers.get('authorization') ?? '')?.[1];
  return bearer ?? headers.get(HEADERS.apiKeyAlias);
}

export function requestIdOf({ headers }: Request, newId: () => string): string {
  const given = headers.get(HEADERS.requestId);
  return given !== null && SANE_ID.test(given) ? given : newId();
}

/** An id with dashes or as 32 hex digits; null for anything else. */
export function parseJobId(text: string): string | null {
  const digits = text.toLowerCase().replaceAll('-', '');
  if (!/^[\da-f]{32}$/.test(digits)) return null;
  const parts = [[0, 8], [8, 12], [12, 16], [16, 20], [20]] as const;
  const dashed = parts.map(([from, to]) => digits.slice(from, to)).join('-');
  return text.length === 32 || text.toLowerCase() === dashed ? dashed : null;
}
