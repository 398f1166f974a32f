import { checkUrl } from '@ezthrottle/core/protocol';
import { REDACTED } from '../privacy/redact-json.ts';
import { referencedSecrets } from '../admit/secret-references.ts';
import type { JobSpec, PathSpec } from '../job/job-spec.ts';
import type { Outcome } from '../job/outcome.ts';
import type { Leg, Redirect } from '../job/run.ts';

/** Statuses that name another address; 304 and the like do not. */
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Headers that speak for whoever sends them: another origin does not get them. */
const CREDENTIALS: ReadonlySet<string> = new Set([
  'authorization',
  'cookie',
  'proxy-authorization',
]);

/** Headers about a body: they go with it. */
const ABOUT_BODY: ReadonlySet<string> = new Set([
  'content-encoding',
  'content-language',
  'content-location',
  'content-type',
]);

/** What stands between two headers of one name that came as one. An address has no such thing in it. */
const BETWEEN_TWO = ', ';

/** What stands in an answer for a secret that was taken out of it. */
const MASKED = '[secret ';
const ENCODED_REFERENCE = '%7B%7Bsecret.';

/**
 * Where the call of a leg goes next, by the answer that it has had (RFC 9110, 15.4); null: nowhere, and the
 * answer is the answer. 303 becomes a GET, 301 and 302 turn a POST into one, as everybody does; 307 and 308
 * keep method and body. What would take a secret to another origin is not followed. Pure.
 *
 * @param path The call that was made: `pathOfLeg`.
 */
export function redirectOf(
  path: PathSpec,
  leg: Pick<Leg, 'redirect'>,
  outcome: Extract<Outcome, { readonly kind: 'response' }>,
): Redirect | null {
  const { status } = outcome;
  const hops = (leg.redirect?.hops ?? 0) + 1;
  if (hops > (path.followRedirects ?? 0)) return null;
  const url = redirectAddress(outcome, path.url);
  if (url === null) return null;
  const isGet = status === 303 || (status < 303 && path.method === 'POST');
  const method = isGet && path.method !== 'HEAD' ? 'GET' : path.method;
  const hasBody = path.body !== null && !isGet;
  const isElsewhere = leg.redirect?.isElsewhere === true || new URL(url).origin !== path.origin;
  if (isElsewhere && hasBody && bodyHasSecrets(path)) return null;
  return { url, hops, method, hasBody, isElsewhere };
}

/** The address that an answer sends to, resolved against the one that was called; null: it sends to none. */
export function redirectAddress(
  { status, headers }: Pick<Extract<Outcome, { readonly kind: 'response' }>, 'status' | 'headers'>,
  called: string,
): string | null {
  const { location } = headers;
  return location === undefined || !REDIRECTS.has(status) ? null : addressOf(location, called);
}

/** The call that a leg makes now: its path's, or where that was redirected to. Undefined: there is no such leg. */
export function pathOfLeg(
  { paths }: Pick<JobSpec, 'paths'>,
  leg: Pick<Leg, 'path' | 'redirect'> | undefined,
): PathSpec | undefined {
  const path = paths[leg?.path ?? -1];
  if (path === undefined || leg?.redirect === undefined) return path;
  const { url, method, hasBody, isElsewhere } = leg.redirect;
  const { secrets, part, ...rest } = path;
  const { origin } = new URL(url);
  const headers = Object.entries(path.headers).filter(([name, value]) => {
    const lower = name.toLowerCase();
    if (!hasBody && ABOUT_BODY.has(lower)) return false;
    return !isElsewhere || !(CREDENTIALS.has(lower) || refersToSecrets(value));
  });
  return {
    ...rest,
    url,
    origin,
    // Where it is led to is another line; at home with the same origin it keeps its place.
    ...(part !== undefined && origin === path.origin && { part }),
    method,
    headers: Object.fromEntries(headers),
    body: hasBody ? path.body : null,
    ...(secrets !== undefined && !isElsewhere && { secrets }),
  };
}

function addressOf(location: string, base: string): string | null {
  // A part that was taken out of the answer cannot be gone to.
  if (location.includes(MASKED) || location.includes(REDACTED)) return null;
  // Of two addresses neither is the one: the redirect is the answer.
  if (location.includes(BETWEEN_TWO)) return null;
  const text = asText(location);
  if (!URL.canParse(text, base)) return null;
  const url = new URL(text, base);
  url.hash = '';
  const isUsable = checkUrl(url.href, 'url').length === 0;
  return isUsable && !url.href.includes(ENCODED_REFERENCE) && !refersToSecrets(url.href)
    ? url.href
    : null;
}

/** Headers are read as one character for each byte: what is UTF-8 in them means its characters. */
function asText(header: string): string {
  const codes = Array.from(header, (character) => character.charCodeAt(0));
  if (!codes.some((code) => code > 0x7f) || codes.some((code) => code > 0xff)) return header;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(codes));
  } catch {
    return header;
  }
}

function refersToSecrets(text: string): boolean {
  return referencedSecrets({ url: '', body: text }) !== null;
}

function bodyHasSecrets({ body }: PathSpec): boolean {
  return body?.encoding === 'utf8' && refersToSecrets(body.data);
}
