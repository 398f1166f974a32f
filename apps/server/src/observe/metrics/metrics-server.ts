import { timingSafeEqual, createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

export interface MetricsServerOptions {
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  /** Whoever asks must have it, as `Authorization: Bearer …`; null: everybody may. */
  readonly token: string | null;
  readonly contentType: string;
  readonly text: () => Promise<string>;
  readonly onError: (error: unknown) => void;
}

export interface MetricsServer {
  /** For example `http://127.0.0.1:9464/metrics`. */
  readonly url: string;
  close(): Promise<void>;
}

/** Serves `GET /metrics` on a port of its own, and nothing else. */
export async function openMetricsServer(options: MetricsServerOptions): Promise<MetricsServer> {
  const { host, port, token } = options;
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 5_000 });
  /** One text for all that ask at the same time: each makes the whole server be looked at. */
  let writing: Promise<string> | null = null;
  const text = (): Promise<string> => {
    writing ??= options.text().finally(() => {
      writing = null;
    });
    return writing;
  };
  server.on('request', (request, response) => {
    const end = (status: number, body: string, headers: Record<string, string> = {}): void => {
      response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', ...headers });
      response.end(request.method === 'HEAD' ? undefined : body);
    };
    if (request.url?.split('?', 1)[0] !== '/metrics') return end(404, 'only /metrics is here\n');
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return end(405, 'only GET is answered\n', { Allow: 'GET, HEAD' });
    }
    if (token !== null && !isToken(request.headers.authorization, token)) {
      return end(401, 'the token of the metrics is asked for\n', { 'WWW-Authenticate': 'Bearer' });
    }
    text().then(
      (body) =>
        end(200, body, { 'Content-Type': options.contentType, 'Cache-Control': 'no-store' }),
      (error: unknown) => {
        options.onError(error);
        end(500, 'the metrics could not be read\n');
      },
    );
  });
  server.listen({ host, port });
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new MetricsServerError(`cannot serve metrics on port ${port} of ${host}`, error);
  }
  return {
    url: urlOf(server.address()),
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** The metrics cannot be served where the configuration says. */
class MetricsServerError extends Error {
  readonly code = 'cannot_serve_metrics';
  override readonly name = 'MetricsServerError';

  constructor(message: string, cause: unknown) {
    super(cause instanceof Error ? `${message}: ${cause.message}` : message, { cause });
  }
}

/** In a time that tells nothing of the token. */
function isToken(header: string | undefined, token: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(header ?? ''), digest(`Bearer ${token}`));
}

function urlOf(address: AddressInfo | string | null): string {
  if (address === null || typeof address === 'string') throw new Error('no port was opened');
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `http://${host}:${address.port}/metrics`;
}
