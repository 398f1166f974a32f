import type { BodySpec, JobSpec, PathSpec } from '../job/job-spec.ts';
import type { StoredResponse } from '../job/outcome.ts';
import { parseRedactionPath, REDACTED, redactJson, type RedactionPath } from './redact-json.ts';

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

/** A job's spec without a part, that of every job nested in it as well. Tells which parts are gone. */
export function erasedSpec(spec: JobSpec, erasure: Erasure): JobSpec {
  const erased = [...new Set([...(spec.erased ?? []), erasure.part])];
  const [primary, ...fallbacks] = spec.paths;
  const erase = (path: PathSpec): PathSpec => erasedPath(path, erasure);
  return { ...spec, paths: [erase(primary), ...fallbacks.map(erase)], erased };
}

function erasedPath(path: PathSpec, erasure: Erasure): PathSpec {
  const { onSuccess, onFailure } = path;
  return {
    ...path,
    ...erasedCall(path, erasure),
    onSuccess: onSuccess === null ? null : erasedSpec(onSuccess, erasure),
    onFailure: onFailure === null ? null : erasedSpec(onFailure, erasure),
  };
}

function erasedCall(
  { headers, body }: PathSpec,
  { part, rules }: Erasure,
): Partial<Pick<PathSpec, 'headers' | 'body'>> {
  switch (part) {
    case 'bodies':
      return { body: null };
    case 'headers':
      return { headers: {} };
    case 'attempts':
      return {};
    case 'request':
      return {
        headers: redactedHeaders(headers, rules.headers),
        body: body === null ? null : redactedBody(body, headers, rules.paths),
      };
  }
}

function redactedBody(
  body: BodySpec,
  headers: Readonly<Record<string, string>>,
  paths: readonly string[],
): BodySpec | null {
  if (paths.length === 0 || body.encoding !== 'utf8') return body;
  const text = redactedText(body.data, contentType(headers), readPaths(paths));
  return text === null ? null : { ...body, data: text };
}

/** The named headers stay, so that it can be seen that they were there; their values go. */
export function redactedHeaders(
  headers: Readonly<Record<string, string>>,
  names: readonly string[],
): Readonly<Record<string, string>> {
  if (names.length === 0) return headers;
  const entries = Object.entries(headers).map(([name, value]): [string, string] => [
    name,
    names.includes(name.toLowerCase()) ? REDACTED : value,
  ]);
  return Object.fromEntries(entries);
}

/** A response as it may be kept. A body that should be JSON and cannot be read is not kept at all. */
export function redactedResponse(response: StoredResponse, rules: RedactionRules): StoredResponse {
  const headers = redactedHeaders(response.headers, rules.headers);
  const paths = readPaths(rules.paths);
  if (paths.length === 0 || response.bodyEncoding !== 'utf8' || response.body === '') {
    return { ...response, headers };
  }
  const body = redactedText(response.body, contentType(response.headers), paths);
  if (body === null) return { ...response, headers, body: '', truncated: true };
  return { ...response, headers, body };
}

/** Null: it looks like JSON, but what is in it cannot be told. */
function redactedText(text: string, type: string, paths: readonly RedactionPath[]): string | null {
  const isJson = type.includes('json') || /^\s*[[{]/.test(text);
  return isJson ? redactJson(text, paths) : text;
}

function contentType(headers: Readonly<Record<string, string>>): string {
  const name = Object.keys(headers).find((each) => each.toLowerCase() === 'content-type');
  return name === undefined ? '' : (headers[name]?.toLowerCase() ?? '');
}

function readPaths(paths: readonly string[]): readonly RedactionPath[] {
  return paths.map(parseRedactionPath).filter((path) => path !== null);
}
