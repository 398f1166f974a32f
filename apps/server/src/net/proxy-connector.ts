import type { Duplex } from 'node:stream';
import { isIP, Socket } from 'node:net';
import { EGRESS_ERRORS } from '@ezthrottle/engine';
import { buildConnector, Pool } from 'undici';
import type { AddressPolicy } from './address-policy.ts';
import {
  AddressRefusedError,
  checkHost,
  type HostCheck,
  resolveBySystem,
  type ResolveHost,
  withoutBrackets,
} from './checked-host.ts';
import { type Egress, EgressError } from './egress.ts';

export interface ProxyConnectorOptions {
  readonly policy: AddressPolicy;
  readonly proxy: Extract<Egress, { readonly kind: 'proxy' }>;
  /** Milliseconds for each of: the connection to the proxy, its answer, TLS with the target. Default 10 000. */
  readonly connectTimeoutMs?: number | undefined;
  /** Default: the system's resolver. */
  readonly resolve?: ResolveHost | undefined;
}

/** Opens connections through a proxy until it is closed. */
export interface ProxyConnector {
  readonly connect: buildConnector.connector;
  /** Whether the proxy owes an answer to a request for a tunnel to this origin (`https://host:port`). */
  readonly isAsked: (origin: string) => boolean;
  close(): Promise<void>;
}

/**
 * A connector for undici that tunnels through an HTTP proxy. undici's own proxy agent names the target to the
 * proxy, which then calls whatever that name means to it; here the proxy is given the address that was checked.
 */
export function createProxyConnector(options: ProxyConnectorOptions): ProxyConnector {
  const { proxy, policy, resolve = resolveBySystem, connectTimeoutMs: timeout = 10_000 } = options;
  const pool = new Pool(proxy.origin, {
    connect: buildConnector({ allowH2: false, timeout }),
    allowH2: false,
    headersTimeout: timeout,
  });
  const secure = buildConnector({ allowH2: false, timeout });
  const headers =
    proxy.authorization === null ? {} : { 'proxy-authorization': proxy.authorization };
  const find = proxy.resolves === 'server' ? addressFor : nameFor;
  const asked = new Map<string, number>();
  const countAsked = (origin: string, change: 1 | -1): void => {
    const count = (asked.get(origin) ?? 0) + change;
    if (count > 0) asked.set(origin, count);
    else asked.delete(origin);
  };
  return {
    isAsked: (origin) => asked.has(origin),
    connect: (target, callback) => {
      const isSecure = target.protocol === 'https:';
      find(withoutBrackets(target.hostname), { policy, resolve }, (refused, host) => {
        if (refused !== null) {
          // Later, as a socket would: undici does not expect an answer while it still asks.
          queueMicrotask(() => callback(refused, null));
          return;
        }
        const path = `${isIP(host) === 6 ? `[${host}]` : host}:${portOf(target.port, isSecure)}`;
        const origin = `${target.protocol}//${target.host ?? path}`;
        countAsked(origin, 1);
        tunnel(pool, path, headers, (error, socket) => {
          countAsked(origin, -1);
          if (error !== null) callback(error, null);
          else if (isSecure) secure({ ...target, httpSocket: socket }, callback);
          else callback(null, socket);
        });
      });
    },
    close: () => pool.destroy(),
  };
}

type Found = (error: Error | null, host: string) => void;

/** What the proxy is to connect to: an address that was checked, and is the only one that it gets. */
function addressFor(host: string, check: HostCheck, found: Found): void {
  checkHost(host, check, (error, addresses) => {
    // Many a proxy reaches addresses of IPv4 only.
    const { address = '' } = addresses.find(({ family }) => family === 4) ?? addresses[0] ?? {};
    found(error, address);
  });
}

/** The name itself, unless it is known here to mean what must not be called, even among what may. */
function nameFor(host: string, check: HostCheck, found: Found): void {
  checkHost(host, { ...check, refusesMixed: true }, (error) => {
    // Names that only the proxy knows cannot be looked up here.
    found(error instanceof AddressRefusedError ? error : null, host);
  });
}

function tunnel(
  pool: Pool,
  path: string,
  headers: Readonly<Record<string, string>>,
  opened: (...result: [error: Error, socket: null] | [error: null, socket: Socket]) => void,
): void {
  const options = { path, headers: { ...headers, host: path } };
  pool.connect(options, (error: Error | null, answer) => {
    if (error !== null) {
      opened(
        new EgressError(EGRESS_ERRORS.failed, `its proxy cannot be used${codeOf(error)}`),
        null,
      );
      return;
    }
    const { statusCode, socket } = answer;
    if (statusCode === 200 && isSocket(socket)) {
      opened(null, socket);
      return;
    }
    socket.on('error', () => undefined).destroy();
    opened(errorOf(statusCode), null);
  });
}

/** Whom an answer other than “connected” is to be blamed on. */
function errorOf(status: number): Error {
  switch (status) {
    case 502:
    case 503:
    case 504:
      return new UnreachedError(status);
    case 407:
    case 429:
    case 500:
      return new EgressError(EGRESS_ERRORS.failed, `its proxy answered ${status}`);
    default:
      return new EgressError(EGRESS_ERRORS.refused, `its proxy answered ${status}`);
  }
}

/** The proxy works, and has not reached the target. */
class UnreachedError extends Error {
  override readonly name = 'UnreachedError';
  readonly code = 'EHOSTUNREACH';

  constructor(status: number) {
    super(`a proxy answered ${status}`);
  }
}

function isSocket(stream: Duplex): stream is Socket {
  return stream instanceof Socket;
}

function portOf(port: string, isSecure: boolean): string {
  if (port !== '') return port;
  return isSecure ? '443' : '80';
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? ` (${error.code})` : '';
}
