import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

export interface AddressPolicyOptions {
  /** Also call this machine (127.0.0.0/8, ::1): for development. Default false. */
  readonly allowLoopback?: boolean;
  /**
   * Also call every private address: loopback, private, unique local and carrier-grade NAT ranges.
   * Link-local and metadata addresses stay refused. Default false.
   */
  readonly allowPrivate?: boolean;
  /**
   * What may be called in any case: addresses (`10.1.2.3`), ranges (`10.0.0.0/8`), host names
   * (`internal.example`), or all names below one (`*.internal.example`). Default none.
   */
  readonly allow?: readonly string[];
  /** Addresses and ranges that are never called, whatever else is said. Default none. */
  readonly deny?: readonly string[];
}

/** Which addresses our server may call on behalf of users. */
export interface AddressPolicy {
  /** Why this IP address must not be called; null when it may. What is no address is refused. */
  refusal(address: string): string | null;
  /** Whether this IP address is never called, by whatever name. What is no address is not. */
  denies(address: string): boolean;
  /** Whether this host name is allowed whatever it resolves to. */
  allowsHost(host: string): boolean;
}

/** An entry of `allow` is no address, range or host name, or one of `deny` no address or range. */
export class AddressPolicyError extends Error {
  override readonly name = 'AddressPolicyError';
  readonly code = 'invalid_address_policy';
  /** The entries that are wrong, as given. */
  readonly entries: readonly string[];

  constructor(entries: readonly string[]) {
    super(
      `not an IP address, CIDR range or host name: ${entries.map((entry) => JSON.stringify(entry)).join(', ')}`,
    );
    this.entries = entries;
  }
}

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Range = readonly [Address, number];

/** Where clouds answer machines about themselves; outside the link-local range or inside a private one. */
const METADATA: readonly Range[] = [
  '169.254.169.254/32',
  '168.63.129.16/32',
  '100.100.100.200/32',
  '192.0.0.192/32',
  'fd00:ec2::254/128',
  'fd20:ce::254/128',
].map((range) => ipaddr.parseCIDR(range));

const NAT64: Range = ipaddr.parseCIDR('64:ff9b::/96');
const MAPPED: Range = ipaddr.parseCIDR('::ffff:0:0/96');
/** The only part of IPv6 that is routed in public. */
const GLOBAL_UNICAST: Range = ipaddr.parseCIDR('2000::/3');

/** Kinds of `ipaddr.js` that `allowPrivate` opens. */
const PRIVATE_KINDS: readonly string[] = ['loopback', 'private', 'uniqueLocal', 'carrierGradeNat'];

/**
 * Builds the policy. Only public unicast addresses may be called; forms that carry an IPv4 address
 * inside (mapped, NAT64) are judged by it, tunnels (6to4, Teredo, SIIT) are refused.
 *
 * @throws AddressPolicyError naming every entry of `allow` and `deny` that cannot be read.
 */
export function createAddressPolicy(options: AddressPolicyOptions = {}): AddressPolicy {
  const { ranges, hosts } = readAllowList(options.allow ?? []);
  const denied = readDenyList(options.deny ?? []);
  const opened = new Set<string>([
    ...(options.allowLoopback === true ? ['loopback'] : []),
    ...(options.allowPrivate === true ? PRIVATE_KINDS : []),
  ]);
  return {
    refusal(address) {
      if (isIP(address) === 0) return 'not an IP address';
      const parsed = parse(address);
      const judged = carriedIPv4(parsed) ?? parsed;
      if (isWithin(parsed, denied) || isWithin(judged, denied)) return 'a denied address';
      if (isWithin(parsed, ranges)) return null;
      if (judged !== parsed && isWithin(judged, ranges)) return null;
      return refusalOf(judged, opened);
    },
    denies(address) {
      if (denied.length === 0 || isIP(address) === 0) return false;
      const parsed = parse(address);
      return isWithin(parsed, denied) || isWithin(carriedIPv4(parsed) ?? parsed, denied);
    },
    allowsHost(host) {
      const name = bareHost(host);
      return hosts.some((allowed) =>
        allowed.startsWith('.') ? name.endsWith(allowed) : name === allowed,
      );
    },
  };
}

/**
 * The library takes `::8.8.8.8` for `::ffff:8.8.8.8`, which is another address: systems write the first one so
 * when a name server says it. In hexadecimal there is nothing to take it for.
 */
function parse(text: string): Address {
  const quad = /:(\d+)\.(\d+)\.(\d+)\.(\d+)(?=$|%)/;
  const group = (high: string, low: string): string =>
    (Number(high) * 256 + Number(low)).toString(16);
  return ipaddr.parse(
    text.replace(
      quad,
      (_, first: string, second: string, third: string, fourth: string) =>
        `:${group(first, second)}:${group(third, fourth)}`,
    ),
  );
}

function refusalOf(address: Address, opened: ReadonlySet<string>): string | null {
  if (isWithin(address, METADATA)) return 'a metadata address';
  const kind: string = address.range();
  if (opened.has(kind)) return null;
  if (kind !== 'unicast') return `a ${KIND_WORDS.get(kind) ?? kind} address`;
  if (address.kind() === 'ipv6' && !isWithin(address, [GLOBAL_UNICAST])) {
    return 'an address outside the public range';
  }
  return null;
}

const KIND_WORDS: ReadonlyMap<string, string> = new Map([
  ['linkLocal', 'link-local'],
  ['uniqueLocal', 'private'],
  ['carrierGradeNat', 'carrier-grade NAT'],
  ['deprecatedSiteLocal', 'site-local'],
  ['rfc6145', 'translated IPv4'],
  ['rfc6052', 'NAT64'],
]);

/** The IPv4 address that packets to this IPv6 address end up at; null when it carries none. */
function carriedIPv4(address: Address): ipaddr.IPv4 | null {
  if (!isWithin(address, [MAPPED, NAT64])) return null;
  return new ipaddr.IPv4(address.toByteArray().slice(-4));
}

function isWithin(address: Address, ranges: readonly Range[]): boolean {
  return ranges.some(([base, bits]) => address.kind() === base.kind() && address.match(base, bits));
}

const HOST_NAME = /^(\*\.)?(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_][a-z0-9_-]{0,62})*$/;
const LOOKS_NUMERIC = /^[\d.]+$/;

function readAllowList(entries: readonly string[]): {
  readonly ranges: readonly Range[];
  readonly hosts: readonly string[];
} {
  const ranges: Range[] = [];
  const hosts: string[] = [];
  const wrong: string[] = [];
  for (const entry of entries) {
    const text = bareHost(entry.trim());
    const [base, bits] = text.split('/');
    if (base !== undefined && isIP(base) !== 0) {
      const range = bits === undefined ? whole(base) : ranged(text);
      if (range === null) wrong.push(entry);
      else ranges.push(range);
    } else if (HOST_NAME.test(text) && !LOOKS_NUMERIC.test(text)) {
      hosts.push(text.startsWith('*.') ? text.slice(1) : text);
    } else {
      wrong.push(entry);
    }
  }
  if (wrong.length > 0) throw new AddressPolicyError(wrong);
  return { ranges, hosts };
}

function readDenyList(entries: readonly string[]): readonly Range[] {
  const { ranges, hosts } = readAllowList(entries);
  if (hosts.length > 0) throw new AddressPolicyError(hosts);
  return ranges;
}

function whole(address: string): Range {
  const parsed = parse(address);
  return [parsed, parsed.kind() === 'ipv4' ? 32 : 128];
}

function ranged(text: string): Range | null {
  return ipaddr.isValidCIDR(text) ? ipaddr.parseCIDR(text) : null;
}

/** Lower case, without the brackets of an IPv6 host and without the dot of a rooted name. */
function bareHost(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '');
}
