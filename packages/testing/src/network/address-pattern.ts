import { TestServerError } from '../test-server-error.ts';

/**
 * Which addresses a scripted target stands for: an origin stands for all of its addresses, a path that
 * ends with an asterisk for all below it, every other address for itself with any query.
 */
export interface AddressPattern {
  readonly text: string;
  /** Higher goes before lower where several match. */
  readonly precision: number;
  matches(url: URL): boolean;
}

/** @throws {TestServerError} when the address is not absolute, not of HTTP, or has an asterisk inside. */
export function addressPattern(text: string): AddressPattern {
  if (!isAddress(text)) {
    throw new TestServerError(
      'invalid_address',
      `${JSON.stringify(text)} is not an address; expected for example 'https://api.example.com/users', or 'https://api.example.com/v1/*' with the asterisk at the end.`,
    );
  }
  const { origin, pathname, search } = new URL(text);
  const isOrigin = pathname === '/' && search === '' && !text.endsWith('/');
  if (isOrigin) return { text, precision: 0, matches: (url) => url.origin === origin };
  if (pathname.endsWith('*')) {
    const prefix = pathname.slice(0, -1);
    const matches = (url: URL): boolean => url.origin === origin && url.pathname.startsWith(prefix);
    return { text, precision: prefix.length, matches };
  }
  const isSame = (url: URL): boolean => url.origin === origin && url.pathname === pathname;
  if (search === '') return { text, precision: 1e6, matches: isSame };
  return { text, precision: 2e6, matches: (url) => isSame(url) && url.search === search };
}

/** Without types anything may come. */
function isAddress(text: unknown): boolean {
  if (typeof text !== 'string' || !URL.canParse(text)) return false;
  const { protocol, host, pathname } = new URL(text);
  const isHttp = protocol === 'http:' || protocol === 'https:';
  return isHttp && !host.includes('*') && !pathname.slice(0, -1).includes('*');
}
