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
  /**
   * Also refuse a name of which only some addresses may be called, because somebody else chooses among them.
   * Default false: the others are used.
   */
  readonly refusesMixed?: boolean;
}

/** A name with thousands of addresses must not make one call knock at all of them. */
const MOST_ADDRESSES = 16;

/**
 * Addresses of a host that may be called, at least one; or why there is none. A host that is an address
 * itself is not looked up.
 */
export function checkHost(
  host: string,
  { policy, resolve, refusesMixed = false }: HostCheck,
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
    const isListed = policy.allowsHost(host);
    const allowed = found.filter(({ address }) =>
      isListed ? !policy.denies(address) : policy.refusal(address) === null,
    );
    const isMixed = allowed.length < found.length;
    if (allowed.length === 0 || (refusesMixed && isMixed))
      callback(refusalOf(host, found, policy), []);
    else callback(null, allowed.slice(0, MOST_ADDRESSES));
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
  const reasons = found.map(({ address }) => policy.refusal(address));
  const kinds = new Set(reasons.filter((one) => one !== null));
  const reason = kinds.size === 0 ? 'no address' : [...kinds].join(', ');
  return new AddressRefusedError(host, `it resolves to ${reason}`);
}
