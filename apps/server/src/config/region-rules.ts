import { isIP } from 'node:net';
import { LIMITS } from '@ezthrottle/core/protocol';
import type { Egress } from '../net/egress.ts';
import type { Reading } from './setting.ts';

/** A region of this server: a name, and how calls leave from it. */
export interface Region {
  readonly name: string;
  readonly egress: Egress;
}

/** `any`: whichever a job names; all calls leave directly. Else by preference. */
export type Regions = 'any' | readonly Region[];

const MOST_REGIONS = 64;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
const DIRECT: Egress = { kind: 'direct' };
const EXPECTED =
  `any, or 1 to ${MOST_REGIONS} names, each once, with =direct, =<local address> or ` +
  '=http(s)://user:password@host:port of a proxy where calls are not to leave directly; in the file also ' +
  '{ "iad": { "proxy": "http://host:port", "resolve": "proxy" }, "fra": { "localAddress": "10.0.0.5" } }';

/** Reads `any`, `iad,fra=10.0.0.5`, a list of such, or an object from names to ways out. */
export function readRegions(raw: unknown): Reading<Regions> {
  if (raw === 'any' || (Array.isArray(raw) && raw.length === 1 && raw[0] === 'any')) {
    return { ok: true, value: 'any' };
  }
  const entries = entriesOf(raw);
  if (entries === null || entries.length === 0 || entries.length > MOST_REGIONS) {
    return { ok: false, expected: EXPECTED };
  }
  const regions: Region[] = [];
  const wrong: string[] = [];
  for (const [index, [name, value]] of entries.entries()) {
    const isName = NAME.test(name) && name.length <= LIMITS.regionLength;
    const isNew = regions.every((region) => region.name !== name);
    const egress = egressOf(value);
    if (isName && isNew && egress !== null) regions.push(Object.freeze({ name, egress }));
    // What stands there may hold a password: only a name is repeated.
    else wrong.push(isName ? name : `number ${index + 1}`);
  }
  if (wrong.length > 0) return { ok: false, expected: `${EXPECTED} (wrong: ${wrong.join(', ')})` };
  return { ok: true, value: Object.freeze(regions) };
}

function entriesOf(raw: unknown): readonly (readonly [string, unknown])[] | null {
  if (typeof raw === 'string') return entriesOf(raw.split(/[,\n]/));
  if (Array.isArray(raw)) {
    const texts = raw.filter((item) => typeof item === 'string');
    if (texts.length < raw.length) return null;
    return texts.flatMap((text) => text.split(',')).map(entryOf);
  }
  return typeof raw === 'object' && raw !== null ? Object.entries(raw) : null;
}

function entryOf(text: string): readonly [string, unknown] {
  const at = text.indexOf('=');
  if (at === -1) return [text.trim(), 'direct'];
  return [text.slice(0, at).trim(), text.slice(at + 1).trim()];
}

function egressOf(value: unknown): Egress | null {
  if (value === 'direct') return DIRECT;
  if (typeof value === 'string') {
    return isIP(value) === 0 ? proxyOf(value, 'server') : { kind: 'local_address', address: value };
  }
  if (typeof value !== 'object' || value === null) return null;
  const members: Record<string, unknown> = { ...value };
  const { proxy, localAddress, resolve = 'server', ...others } = members;
  if (Object.keys(others).length > 0) return null;
  if (typeof proxy === 'string' && localAddress === undefined) {
    return resolve === 'server' || resolve === 'proxy' ? proxyOf(proxy, resolve) : null;
  }
  const isAddress = typeof localAddress === 'string' && isIP(localAddress) !== 0;
  if (!isAddress || proxy !== undefined || 'resolve' in members) return null;
  return { kind: 'local_address', address: localAddress };
}

function proxyOf(address: string, resolves: 'server' | 'proxy'): Egress | null {
  const url = /^https?:\/\//i.test(address) ? URL.parse(address) : null;
  const isBare = url?.pathname === '/' && url.search === '' && url.hash === '';
  if (url === null || !isBare) return null;
  const user = userOf(url);
  if (user === null) return null;
  const authorization = user === '' ? null : `Basic ${Buffer.from(user).toString('base64')}`;
  return { kind: 'proxy', origin: url.origin, authorization, resolves };
}

/** `user:password` as it is meant; empty: none; null: it is not percent-encoded as it should be. */
function userOf({ username, password }: URL): string | null {
  if (username === '' && password === '') return '';
  try {
    return `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  } catch {
    return null;
  }
}
