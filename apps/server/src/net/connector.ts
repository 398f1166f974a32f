import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { buildConnector } from 'undici';
import type { AddressPolicy } from './address-policy.ts';

/** The address policy forbids what the host is or resolves to. Nothing was sent. */
export class AddressRefusedError extends Error {
  override readonly name = 'AddressRefusedError';
  readonly code = 'address_refused';

  constructor(host: string, reason: string) {
    super(`${host} must not be called: ${reason}`);
  }
}

/** Finds all addresses of a host name, in the order in which they should be tried. */
export type ResolveHost = (
  host: string,
  callback: (error: Error | null, addresses: readonly LookupAddress[]) => void,
) => void;

export interface ConnectorOptions {
  readonly policy: AddressPolicy;
  /** Milliseconds to open a connection, TLS included. Default 10 000. */
  readonly connectTimeoutMs?: number;
  /** Default: the system's resolver. */
  readonly resolve?: ResolveHost;
}

/**
 * A connector for undici that opens connections to allowed addresses only. A name is resolved once,
 * for the connection itself, and the socket goes to one of the addresses that were checked: a
 * second answer of the name server changes nothing.
 */
export function createConnector(options: ConnectorOptions): buildConnector.connector {
  const { policy, resolve = resolveBySystem } = options;
  const connect = buildConnector({
    allowH2: false,
    timeout: options.connectTimeoutMs ?? 10_000,
    lookup: checkedLookup(policy, resolve),
  });
  return (target, callback) => {
    const host = withoutBrackets(target.hostname);
    const reason = isIP(host) === 0 ? null : policy.refusal(host);
    if (reason === null) return connect(target, callback);
    // Later, as a socket would: undici does not expect an answer while it still asks.
    queueMicrotask(() => callback(new AddressRefusedError(host, reason), null));
  };
}

function checkedLookup(policy: AddressPolicy, resolve: ResolveHost): LookupFunction {
  return (host, options, callback) => {
    resolve(host, (error, found) => {
      if (error !== null) {
        callback(error, '');
        return;
      }
      const allowed = policy.allowsHost(host)
        ? found
        : found.filter(({ address }) => policy.refusal(address) === null);
      const [first] = allowed;
      if (first === undefined) callback(refusalOf(host, found, policy), '');
      else if (options.all === true) callback(null, [...allowed]);
      else callback(null, first.address, first.family);
    });
  };
}

/** Says what kind of address it was but not which: an inner network's names are nobody's business. */
function refusalOf(
  host: string,
  found: readonly LookupAddress[],
  policy: AddressPolicy,
): AddressRefusedError {
  const kinds = new Set(found.map(({ address }) => policy.refusal(address)));
  const reason = kinds.size === 0 ? 'no address' : [...kinds].join(', ');
  return new AddressRefusedError(host, `it resolves to ${reason}`);
}

function resolveBySystem(
  host: string,
  callback: (error: Error | null, addresses: readonly LookupAddress[]) => void,
): void {
  systemLookup(host, { all: true, order: 'verbatim' }, callback);
}

function withoutBrackets(host: string): string {
  return host.startsWith('[') ? host.slice(1, -1) : host;
}
