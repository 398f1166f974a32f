// Loaded with --import into the process of a snippet: hosts under example.com are answered by a
// server of the test, the default address of a development server leads to the one of the test, and
// what the snippet listens on is on loopback, on a free port, and does not keep the process alive.

import { Server } from 'node:net';
import { isExampleHost } from './example-host.ts';

/** Origin of the server that stands for example.com. */
const upstream = process.env['SNIPPET_UPSTREAM'] ?? '';
delete process.env['SNIPPET_UPSTREAM'];

/** Actual ports by the ports that the snippet means. */
const ports = new Map<string, string>();

const server = URL.parse(process.env['EZTHROTTLE_URL'] ?? '');
if (server !== null) ports.set('8080', server.port);

function redirected(url: URL): URL {
  const { hostname, port, pathname, search } = url;
  if (isExampleHost(hostname)) return new URL(pathname + search, upstream);
  const actual = ports.get(port);
  if (actual === undefined || !/^(localhost|127\.0\.0\.1|\[::1\])$/.test(hostname)) return url;
  const moved = new URL(url);
  moved.host = `127.0.0.1:${actual}`;
  return moved;
}

const { fetch } = globalThis;
globalThis.fetch = async (input, init) => {
  if (input instanceof Request) {
    const url = redirected(new URL(input.url));
    return fetch(url.href === input.url ? input : new Request(url, input), init);
  }
  return fetch(redirected(new URL(input)), init);
};

/** The arguments of `listen`, with the address replaced and the rest kept. */
function onLoopback(args: readonly unknown[]): { asked: string; args: unknown[] } {
  const [first, ...rest] = args;
  const address = { port: 0, host: '127.0.0.1' };
  if (typeof first === 'object' && first !== null) {
    const asked = 'port' in first ? String(first.port) : '0';
    return { asked, args: [{ ...first, ...address }, ...rest] };
  }
  const callback = args.filter((each) => typeof each === 'function');
  return {
    asked: typeof first === 'number' || typeof first === 'string' ? `${first}` : '0',
    args: [address, ...callback],
  };
}

const listen: Server['listen'] = Reflect.get(Server.prototype, 'listen');
Server.prototype.listen = function listenOnLoopback(this: Server, ...args: unknown[]): Server {
  const moved = onLoopback(args);
  this.prependOnceListener('listening', () => {
    const address = this.address();
    if (address !== null && typeof address === 'object') {
      ports.set(moved.asked, String(address.port));
    }
    this.unref();
    process.send?.('listening');
  });
  return Reflect.apply(listen, this, moved.args);
};
