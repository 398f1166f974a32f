// Loaded with --import into processes of tests: their sockets reach this machine alone, and they end
// when the test process that started them is gone.

import dns from 'node:dns';
import { syncBuiltinESMExports } from 'node:module';
import { isIP, Socket } from 'node:net';

function isLoopbackAddress(address: string): boolean {
  return address === '::1' || /^(::ffff:)?127\./i.test(address);
}

function isLocalName(host: string): boolean {
  return isIP(host) !== 0 || /^([^.]+\.)*localhost$/i.test(host);
}

function notFound(host: string): Error {
  const about = { code: 'ENOTFOUND', errno: -3008, syscall: 'getaddrinfo', hostname: host };
  return Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), about);
}

const { lookup } = dns;
const lookupPromise = dns.promises.lookup;
Object.assign(dns, {
  lookup: (host: string, ...rest: unknown[]): unknown => {
    if (isLocalName(host)) return Reflect.apply(lookup, dns, [host, ...rest]);
    const callback = rest.at(-1);
    if (typeof callback === 'function') process.nextTick(callback, notFound(host));
    return {};
  },
});
Object.assign(dns.promises, {
  lookup: async (host: string, ...rest: unknown[]): Promise<unknown> => {
    if (!isLocalName(host)) throw notFound(host);
    return Reflect.apply(lookupPromise, dns.promises, [host, ...rest]);
  },
});
syncBuiltinESMExports();

/** The host of any of the forms in which `connect` is called; undefined for pipes and defaults. */
function hostOf(args: readonly unknown[]): string | undefined {
  const [first, second] = args;
  if (Array.isArray(first)) return hostOf(first);
  if (typeof first === 'object' && first !== null) {
    return 'host' in first && typeof first.host === 'string' ? first.host : undefined;
  }
  return typeof second === 'string' ? second : undefined;
}

const connect: Socket['connect'] = Reflect.get(Socket.prototype, 'connect');
Socket.prototype.connect = function connectLocally(this: Socket, ...args: unknown[]): Socket {
  const host = hostOf(args);
  if (host === undefined || isIP(host) === 0 || isLoopbackAddress(host)) {
    return Reflect.apply(connect, this, args);
  }
  return this.destroy(new Error(`a test must not leave this machine, but calls ${host}`));
};

if (process.channel !== undefined) {
  process.channel.unref();
  process.once('disconnect', () => process.exit(1));
}
