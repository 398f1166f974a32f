import { createServer as createHttpServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { LOCALHOST_CERTIFICATE } from './localhost-certificate.ts';

export interface ProxyOptions {
  /** Whether it is reached by TLS. Default false. */
  readonly tls?: boolean;
  /** `user:password`; who gives no other is answered 407. Default: everybody may. */
  readonly user?: string;
  /** Names that it resolves to an address of its own choice. */
  readonly names?: Readonly<Record<string, string>>;
}

/** A real HTTP proxy on a free port of 127.0.0.1, for tunnels. */
export interface TestProxy {
  /** `host:port` of each tunnel that was asked for. */
  readonly asked: string[];
  readonly port: number;
  /** Every tunnel is answered so; null: it is opened. */
  answer: number | null;
  /** `http://127.0.0.1:<port>`, or https. */
  readonly origin: string;
  close(): Promise<void>;
}

export async function createProxy(options: ProxyOptions = {}): Promise<TestProxy> {
  const server: Server =
    options.tls === true ? createHttpsServer(LOCALHOST_CERTIFICATE) : createHttpServer();
  const sockets = new Set<Duplex>();
  const asked: string[] = [];
  const keep = <T extends Duplex>(socket: T): T => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    return socket;
  };
  server.on('connection', (socket: Socket) => keep(socket));
  server.on('connect', (request: IncomingMessage, client: Duplex) => {
    const target = request.url ?? '';
    asked.push(target);
    const status = proxy.answer ?? (isUser(request, options.user) ? null : 407);
    if (status !== null) {
      client.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    const { hostname, port } = new URL(`http://${target}`);
    const host = options.names?.[hostname] ?? hostname;
    const upstream = keep(connect(Number(port === '' ? 80 : port), host.replace(/^\[|\]$/g, '')));
    upstream.once('connect', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      upstream.pipe(keep(client)).pipe(upstream);
    });
    upstream.once('error', () => client.end('HTTP/1.1 502 Bad Gateway\r\n\r\n'));
    client.once('close', () => upstream.destroy());
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  const proxy: TestProxy = {
    asked,
    port,
    answer: null,
    origin: `${options.tls === true ? 'https' : 'http'}://127.0.0.1:${port}`,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    },
  };
  return proxy;
}

function isUser({ headers }: IncomingMessage, user: string | undefined): boolean {
  if (user === undefined) return true;
  return headers['proxy-authorization'] === `Basic ${Buffer.from(user).toString('base64')}`;
}
