import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import { isIP } from 'node:net';
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

export interface HostCheck {
  readonly policy: AddressPolicy;
  readonly resolve: ResolveHost;
}

/**
 * Addresses of a host that may be called, at least one; or why there is none. A host that is an address
 * itself is not looked up.
 */
export function checkHost(
  host: string,
  { policy, resolve }: HostCheck,
  callback: (error: Error | null, addresses: readonly LookupAddress[]) => void,
): void {
  const family = isIP(host);
  if (family !== 0) {
    const reason = policy.refusal(host);
    if (reason === null) callback(null, [{ address: host, family }]);
    else callback(new AddressRefusedError(host, reason), []);
    return;
  }
  resolve(host, (error, found) => {
    if (error !== null) {
      callback(error, []);
      return;
    }
    const allowed = policy.allowsHost(host)
      ? found
      : found.filter(({ address }) => policy.refusal(address) === null);
    if (allowed.length === 0) callback(refusalOf(host, found, policy), []);
    else callback(null, allowed);
  });
}

export function resolveBySystem(
  host: string,
  callback: (error: Error | null, addresses: readonly LookupAddress[]) => void,
): void {
  systemLookup(host, { all: true, order: 'verbatim' }, callback);
}

export function withoutBrackets(host: string): string {
  return host.startsWith('[') ? host.slice(1, -1) : host;
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
