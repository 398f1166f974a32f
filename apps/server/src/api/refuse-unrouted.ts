import { randomUUID } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { HEADERS, type Problem, type WireError } from '@ezthrottle/core/protocol';
import { ApiError } from './api-error.ts';
import { requestIdOf } from './request-id.ts';

/** A refusal of what never comes as far as the routes. */
interface Refusal {
  /** Code and words of the status line. */
  readonly status: readonly [code: number, words: string];
  readonly error: WireError['error'];
  readonly message: string;
  readonly problem: Problem;
}

const NOT_HTTP: Refusal = {
  status: [400, 'Bad Request'],
  error: 'validation_failed',
  message: 'the request is not HTTP',
  problem: { path: '', message: 'cannot be read', expected: 'a request in HTTP/1.1' },
};

const BY_CODE: Readonly<Record<string, Refusal>> = {
  HPE_HEADER_OVERFLOW: {
    status: [431, 'Request Header Fields Too Large'],
    error: 'validation_failed',
    message: 'the request headers are too long',
    problem: {
      path: 'headers',
      message: 'are too long',
      expected: 'at most 16 KiB together with the request line',
    },
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: [408, 'Request Timeout'],
    error: 'validation_failed',
    message: 'the request did not arrive in time',
    problem: {
      path: '',
      message: 'was not whole in time',
      expected: 'headers within 20 s, and the whole request within 60 s',
    },
  },
};

const EXPECTATION: Refusal = {
  status: [417, 'Expectation Failed'],
  error: 'validation_failed',
  message: 'what the request expects is not offered',
  problem: {
    path: 'headers.expect',
    message: 'asks for something unknown',
    expected: '100-continue, or no such header',
  },
};

const TUNNEL: Refusal = {
  status: [405, 'Method Not Allowed'],
  error: 'method_not_allowed',
  message: 'CONNECT is not answered here',
  problem: { path: 'method', message: 'asks for a tunnel', expected: 'another method' },
};

/** Answers what is not HTTP, or not in time, on the bare socket: no request exists to answer to. */
export function refuseOnSocket(error: Error & { readonly code?: string }, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  writeRefusal(socket, BY_CODE[error.code ?? ''] ?? NOT_HTTP, randomUUID());
}

/** Refuses, with a body like every other refusal, what the runtime would answer without one. */
export function refuseUnrouted(server: Server): void {
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    const requestId = requestIdOf(request);
    const body = bodyOf(EXPECTATION, requestId);
    const [status] = EXPECTATION.status;
    response.writeHead(status, { ...headersOf(body, requestId) }).end(body);
  });
  server.on('connect', (request: IncomingMessage, socket: Duplex) => {
    socket.on('error', () => undefined);
    writeRefusal(socket, TUNNEL, requestIdOf(request), { Allow: '' });
  });
}

/** @throws ApiError for a request of HTTP/1.1 that does not say to which host it goes. */
export function requireHost({ headers, httpVersion }: IncomingMessage): void {
  if (headers.host !== undefined || httpVersion === '1.0') return;
  throw new ApiError('validation_failed', 'the request does not say which host it is for', {
    problems: [
      { path: 'headers.host', message: 'is missing', expected: 'the name of this server' },
    ],
    headers: { Connection: 'close' },
  });
}

function writeRefusal(
  socket: Duplex,
  refusal: Refusal,
  requestId: string,
  more: Readonly<Record<string, string>> = {},
): void {
  const body = bodyOf(refusal, requestId);
  const head = Object.entries({ ...headersOf(body, requestId), ...more });
  socket.end(
    `HTTP/1.1 ${refusal.status.join(' ')}\r\n` +
      `${head.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`,
  );
}

function bodyOf({ error, message, problem }: Refusal, requestId: string): string {
  const body: WireError = { error, message, problems: [problem], request_id: requestId };
  return JSON.stringify(body);
}

function headersOf(body: string, requestId: string): Readonly<Record<string, string>> {
  return {
    'Content-Type': 'application/json; charset=utf-8',
    [HEADERS.requestId]: requestId,
    'Content-Length': String(Buffer.byteLength(body)),
    Connection: 'close',
  };
}
