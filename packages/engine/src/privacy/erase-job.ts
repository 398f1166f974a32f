import type { BodySpec, JobSpec, PathSpec } from '../job/job-spec.ts';
import type { StoredResponse } from '../job/outcome.ts';
import { cutText, redactedBody, WITHHELD } from './redact-body.ts';
import { REDACTED } from './redact-json.ts';

/** Parts of an ended job that are not kept any longer. */
export type ErasedPart = 'bodies' | 'headers' | 'attempts' | 'request';

/** What is taken out of calls before they are kept: names of headers, and paths into JSON bodies. */
export interface RedactionRules {
  /** In lower case. */
  readonly headers: readonly string[];
  readonly paths: readonly string[];
}

/** What goes of a job that has ended. `attempts` are taken away by whoever holds them. */
export interface Erasure {
  readonly part: ErasedPart;
  /** With the part `request`. */
  readonly rules: RedactionRules;
}

/** A request's body that grows beyond this, and beyond what it was, is withheld, in bytes. */
const GROWN_BYTES = 1_048_576;

/**
 * A job's spec without a part, that of every job nested in it as well. Tells which parts are gone.
 *
 * @returns The very same spec when the rules of the part `request` take nothing out of it.
 */
export function erasedSpec(spec: JobSpec, erasure: Erasure): JobSpec {
  const [primary, ...fallbacks] = spec.paths;
  const erase = (path: PathSpec): PathSpec => erasedPath(path, erasure);
  const paths = [erase(primary), ...fallbacks.map(erase)] as const;
  const isChanged = paths.some((path, index) => path !== spec.paths[index]);
  if (erasure.part === 'request' && !isChanged) return spec;
  const erased = [...new Set([...(spec.erased ?? []), erasure.part])];
  return { ...spec, paths, erased };
}

function erasedPath(path: PathSpec, erasure: Erasure): PathSpec {
  const erase = (spec: JobSpec | null): JobSpec | null =>
    spec === null ? null : erasedSpec(spec, erasure);
  const { headers, body } = erasedCall(path, erasure);
  const onSuccess = erase(path.onSuccess);
  const onFailure = erase(path.onFailure);
  const isSame =
    headers === path.headers &&
    body === path.body &&
    onSuccess === path.onSuccess &&
    onFailure === path.onFailure;
  return isSame ? path : { ...path, headers, body, onSuccess, onFailure };
}

function erasedCall(
  { headers, body }: PathSpec,
  { part, rules }: Erasure,
): Pick<PathSpec, 'headers' | 'body'> {
  switch (part) {
    case 'bodies':
      return { headers, body: null };
    case 'headers':
      return { headers: {}, body };
    case 'attempts':
      return { headers, body };
    case 'request':
      return {
        headers: redactedHeaders(headers, rules.headers),
        body: body === null ? null : redactedRequest(body, headers, rules.paths),
      };
  }
}

function redactedRequest(
  body: BodySpec,
  headers: Readonly<Record<string, string>>,
  paths: readonly string[],
): BodySpec {
  const redacted = redactedBody(body, headers, paths);
  if (redacted === body) return body;
  if (redacted === null) return isWithheld(body) ? body : WITHHELD;
  const longest = Math.max(GROWN_BYTES, body.data.length);
  return cutText(redacted.data, longest) === redacted.data ? redacted : WITHHELD;
}

/** It was taken out before. */
function isWithheld({ data, encoding }: BodySpec): boolean {
  return encoding === WITHHELD.encoding && data === WITHHELD.data;
}

/** The named headers stay, so that it can be seen that they were there; their values go. */
export function redactedHeaders(
  headers: Readonly<Record<string, string>>,
  names: readonly string[],
): Readonly<Record<string, string>> {
  const isNamed = (name: string): boolean => names.includes(name.toLowerCase());
  const isIn = (name: string): boolean => isNamed(name) && headers[name] !== REDACTED;
  if (names.length === 0 || !Object.keys(headers).some(isIn)) return headers;
  const entries = Object.entries(headers).map(([name, value]): [string, string] => [
    name,
    isNamed(name) ? REDACTED : value,
  ]);
  return Object.fromEntries(entries);
}

/**
 * A response as it may be kept. A body that may be JSON and could not be looked through is not kept: a mark
 * stands in its place, and it counts as cut.
 *
 * @param maxBytes Of the body; what goes beyond it is cut.
 */
export function redactedResponse(
  response: StoredResponse,
  rules: RedactionRules,
  maxBytes: number,
): StoredResponse {
  const headers = redactedHeaders(response.headers, rules.headers);
  const kept = { data: response.body, encoding: response.bodyEncoding };
  const body = redactedBody(kept, response.headers, rules.paths);
  if (body === kept) return { ...response, headers };
  const { data, encoding } = body ?? WITHHELD;
  const cut = cutText(data, maxBytes);
  const truncated = response.truncated || body === null || cut.length < data.length;
  return { ...response, headers, body: cut, bodyEncoding: encoding, truncated };
}
