import { HEADERS } from '@ezthrottle/core/protocol';

/** One call as a target gets it. */
export interface ReceivedCall {
  readonly url: string;
  readonly method: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** As text. */
  readonly body: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Virtual milliseconds since the epoch. */
  readonly at: number;
  /** Virtual milliseconds since the server was made. */
  readonly elapsedMs: number;
  /** The job that it is an attempt of; null for a call that did not come from the server. */
  readonly jobId: string | null;
  readonly attempt: number | null;
  readonly region: string | null;
  readonly idempotencyKey: string | null;
  /** The body as JSON. @throws {SyntaxError} when it is none. */
  json(): unknown;
  /** The call as frameworks take it. */
  request(): Request;
}

export interface PlainCall {
  readonly url: string;
  readonly method: string;
  readonly headers: Iterable<readonly [string, string]>;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export function receivedCall(
  call: PlainCall,
  time: { readonly at: number; readonly elapsedMs: number },
): ReceivedCall {
  const headers = Object.fromEntries(
    [...call.headers].map(([name, value]) => [name.toLowerCase(), value]),
  );
  const header = (name: string): string | null => headers[name.toLowerCase()] ?? null;
  const attempt = header(HEADERS.attempt);
  const body = new TextDecoder().decode(call.bytes);
  const { url, method, bytes } = call;
  return {
    url,
    method,
    headers,
    body,
    bytes,
    ...time,
    jobId: header(HEADERS.jobId),
    attempt: attempt === null ? null : Number(attempt),
    region: header(HEADERS.region),
    idempotencyKey: header(HEADERS.idempotencyKey),
    json(): unknown {
      return JSON.parse(body);
    },
    request() {
      const hasBody = bytes.length > 0 && method !== 'GET' && method !== 'HEAD';
      return new Request(url, { method, headers, ...(hasBody ? { body: bytes } : {}) });
    },
  };
}
