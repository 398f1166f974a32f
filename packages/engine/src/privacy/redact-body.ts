import { decodeBase64 } from '../admit/digest.ts';
import { parseRedactionPath, REDACTED, redactJson, type RedactionPath } from './redact-json.ts';

type Headers = Readonly<Record<string, string>>;

/** A body as jobs and answers keep it. */
interface KeptBody {
  readonly data: string;
  readonly encoding: 'utf8' | 'base64';
}

/** What stands where a body was that could not be looked through. */
export const WITHHELD: KeptBody = { data: REDACTED, encoding: 'utf8' };

/** Bytes at the beginning that tell whether a body looks like JSON. */
const LOOKED_AT_BYTES = 4_096;

/** Encodings in which JSON is read: those of which every byte below 128 is a character of ASCII. */
const READ_CHARSETS = /^(?:utf-?8|us-ascii|ascii|latin1|iso-8859-\d+|windows-125\d)$/;

/**
 * A body without what stands at the paths. What is no JSON stays as it is.
 *
 * @returns The very same body when nothing was taken out; null when it may be JSON and could not be looked
 * through: compressed, in another character encoding, broken, or nested too deeply.
 */
export function redactedBody(
  body: KeptBody,
  headers: Headers,
  paths: readonly string[],
): KeptBody | null {
  const read = paths.map(parseRedactionPath).filter((path) => path !== null);
  if (read.length === 0 || body.data === '') return body;
  if (isPacked(headers)) return null;
  const type = headerOf(headers, 'content-type');
  const charset = /;\s*charset\s*=\s*"?([^";\s]+)/.exec(type)?.[1] ?? 'utf-8';
  const isReadable = READ_CHARSETS.test(charset);
  return body.encoding === 'utf8'
    ? redactedText(body, { isJson: looksLikeJson(body.data, type), isReadable }, read)
    : redactedBytes(body, { isJson: beginsLikeJson(body.data, type), isReadable }, read);
}

/** Whether a body is in a content encoding still. `identity` is none. */
export function isPacked(headers: Headers): boolean {
  const encodings = headerOf(headers, 'content-encoding').split(',');
  return encodings.some((one) => !['', 'identity'].includes(one.trim()));
}

/** A text of at most so many bytes of UTF-8, without half a character at its end. */
export function cutText(text: string, maxBytes: number): string {
  if (text.length * 3 <= maxBytes) return text;
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(maxBytes));
  return text.slice(0, read);
}

/** JSON may begin with it, though no parser of JSON takes it. */
const BYTE_ORDER_MARK = '\ufeff';

interface Look {
  readonly isJson: boolean;
  /** Whether its character encoding is one in which JSON is read. */
  readonly isReadable: boolean;
}

function redactedText(
  body: KeptBody,
  { isJson, isReadable }: Look,
  paths: readonly RedactionPath[],
): KeptBody | null {
  if (!isJson) return body;
  const text = isReadable ? redactedJson(body.data, paths) : null;
  if (text === null || text === body.data) return text === null ? null : body;
  return { ...body, data: text };
}

function redactedBytes(
  body: KeptBody,
  { isJson, isReadable }: Look,
  paths: readonly RedactionPath[],
): KeptBody | null {
  // In a character encoding that is not read nothing tells whether it is JSON.
  if (!isReadable) return null;
  if (!isJson) return body;
  const before = textOf(body.data);
  const text = before === null ? null : redactedJson(before, paths);
  if (text === null || text === before) return text === null ? null : body;
  return { data: text, encoding: 'utf8' };
}

/** The mark stays where it was: whoever reads the body finds it as the target has sent it. */
function redactedJson(text: string, paths: readonly RedactionPath[]): string | null {
  const mark = text.startsWith(BYTE_ORDER_MARK) ? BYTE_ORDER_MARK : '';
  const redacted = redactJson(text.slice(mark.length), paths);
  return redacted === null ? null : mark + redacted;
}

function looksLikeJson(text: string, type: string): boolean {
  return type.includes('json') || /^\s*[[{]/.test(text);
}

/** The same of bytes in base64, also where a zero comes before or after each. */
function beginsLikeJson(data: string, type: string): boolean {
  if (type.includes('json')) return true;
  const bytes = bytesOf(data.slice(0, (LOOKED_AT_BYTES / 3) * 4));
  if (bytes === null) return true;
  const isBefore = (byte: number): boolean =>
    byte <= 0x20 || [0xef, 0xbb, 0xbf, 0xfe, 0xff].includes(byte);
  const first = bytes.find((byte) => !isBefore(byte));
  return first === undefined || first === 0x5b || first === 0x7b;
}

function textOf(data: string): string | null {
  const bytes = bytesOf(data);
  if (bytes === null) return null;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

function bytesOf(data: string): Uint8Array | null {
  try {
    return decodeBase64(data);
  } catch {
    return null;
  }
}

/** In lower case; empty: there is none. */
function headerOf(headers: Headers, name: string): string {
  const found = Object.keys(headers).find((each) => each.toLowerCase() === name);
  return found === undefined ? '' : (headers[found]?.toLowerCase() ?? '');
}
