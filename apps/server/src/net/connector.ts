import type { LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { EGRESS_ERRORS } from '@ezthrottle/engine';
import { buildConnector } from 'undici';
import type { AddressPolicy } from './address-policy.ts';
import {
  AddressRefusedError,
  checkHost,
  type HostCheck,
  resolveBySystem,
  type ResolveHost,
  withoutBrackets,
} from './checked-host.ts';
import { EgressError } from './egress.ts';

export interface ConnectorOptions {
  readonly policy: AddressPolicy;
  /** Milliseconds to open a connection, TLS included. Default 10 000. */
  readonly connectTimeoutMs?: number | undefined;
  /** Default: the system's resolver. */
  readonly resolve?: ResolveHost | undefined;
  /** Address of this machine from which connections are opened. Default: the system's choice. */
  readonly localAddress?: string | undefined;
}

type Connector = buildConnector.connector;

/**
 * A connector for undici that opens connections to allowed addresses only. A name is resolved once,
 * for the connection itself, and the socket goes to one of the addresses that were checked: a
 * second answer of the name server changes nothing.
 */
export function createConnector(options: ConnectorOptions): Connector {
  const { policy, localAddress, resolve = resolveBySystem } = options;
  const family = localAddress === undefined ? 0 : isIP(localAddress);
  const open = buildConnector({
    allowH2: false,
    timeout: options.connectTimeoutMs ?? 10_000,
    lookup: checkedLookup({ policy, resolve }, family),
  });
  const connect = localAddress === undefined ? open : openedFrom(localAddress, open);
  return (target, callback) => {
    const host = withoutBrackets(target.hostname);
    const refused = isIP(host) === 0 ? null : refusalOf(host, policy, family);
    if (refused === null) return connect(target, callback);
    // Later, as a socket would: undici does not expect an answer while it still asks.
    queueMicrotask(() => callback(refused, null));
  };
}

function refusalOf(host: string, policy: AddressPolicy, family: number): Error | null {
  const reason = policy.refusal(host);
  if (reason !== null) return new AddressRefusedError(host, reason);
  return family === 0 || family === isIP(host) ? null : otherFamily();
}

/** An address that the machine does not have (any more) is the way out that fails, not the target. */
function openedFrom(localAddress: string, open: Connector): Connector {
  return (target, callback) =>
    open({ ...target, localAddress }, (...[error, socket]) => {
      if (error === null) return callback(null, socket);
      const isMissing = 'code' in error && error.code === 'EADDRNOTAVAIL';
      return callback(isMissing ? unavailable() : error, null);
    });
}

function checkedLookup(check: HostCheck, family: number): LookupFunction {
  return (host, options, callback) => {
    checkHost(host, check, (error, found) => {
      const usable = family === 0 ? found : ofFamily(found, family);
      const [first] = usable;
      if (error !== null) callback(error, '');
      else if (first === undefined) callback(otherFamily(), '');
      else if (options.all === true) callback(null, [...usable]);
      else callback(null, first.address, first.family);
    });
  };
}

function ofFamily(addresses: readonly LookupAddress[], family: number): readonly LookupAddress[] {
  return addresses.filter((one) => one.family === family);
}

function otherFamily(): EgressError {
  return new EgressError(EGRESS_ERRORS.refused, 'the target has no address of its family');
}

function unavailable(): EgressError {
  return new EgressError(EGRESS_ERRORS.failed, 'its address cannot be used (EADDRNOTAVAIL)');
}
