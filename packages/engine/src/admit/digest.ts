/** SHA-256 as an argument: Node's, WebCrypto's or a portable one, as long as it answers at once. */
export type Sha256 = (bytes: Uint8Array) => Uint8Array;

export interface DigestContext {
  readonly sha256: Sha256;
  /** The same digest as base64 for URLs, where the platform gives that at once. Default: made of `sha256`. */
  readonly sha256Text?: (bytes: Uint8Array) => string;
}

const encoder = new TextEncoder();

/** Where parts are put together that are no longer, as those of nearly every job: they are read at once. */
const scratch = new DataView(new ArrayBuffer(8_192));

/** What `encodeParts` gives for these parts, as a digest in base64 for URLs. */
export function digestOfParts(
  purpose: string,
  parts: readonly (string | Uint8Array)[],
  { sha256, sha256Text }: DigestContext,
): string {
  const bytes = encodeParts(purpose, parts);
  return sha256Text === undefined ? base64Url(sha256(bytes)) : sha256Text(bytes);
}

/**
 * Parts in one run of bytes, each behind its length (8 bytes, big-endian), so that no two lists of
 * parts give the same bytes. The first part says what the bytes are for.
 *
 * @returns Bytes that are good only until this is called again.
 */
export function encodeParts(purpose: string, parts: readonly (string | Uint8Array)[]): Uint8Array {
  const all = [purpose, ...parts];
  let most = 0;
  // No UTF-16 unit has more than three bytes of UTF-8.
  for (const part of all) most += 8 + (typeof part === 'string' ? 3 : 1) * part.length;
  const view = most <= scratch.byteLength ? scratch : new DataView(new ArrayBuffer(most));
  const bytes = new Uint8Array(view.buffer);
  let offset = 0;
  for (const part of all) {
    const start = offset + 8;
    const length = written(part, bytes.subarray(start));
    // No part has four gigabytes.
    view.setUint32(offset, 0);
    view.setUint32(offset + 4, length);
    offset = start + length;
  }
  return bytes.subarray(0, offset);
}

function written(part: string | Uint8Array, into: Uint8Array): number {
  if (typeof part === 'string') return encoder.encodeInto(part, into).written;
  into.set(part);
  return part.length;
}

const URL_DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** base64 with the alphabet that is safe in URLs, without padding. */
export function base64Url(bytes: Uint8Array): string {
  let text = '';
  for (let index = 0; index < bytes.length; index += 3) {
    const left = bytes.length - index;
    const triple =
      ((bytes[index] ?? 0) << 16) | ((bytes[index + 1] ?? 0) << 8) | (bytes[index + 2] ?? 0);
    text += URL_DIGITS.charAt(triple >> 18) + URL_DIGITS.charAt((triple >> 12) & 63);
    if (left > 1) text += URL_DIGITS.charAt((triple >> 6) & 63);
    if (left > 2) text += URL_DIGITS.charAt(triple & 63);
  }
  return text;
}

/** Of a digest: few bytes. */
export function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

export function decodeBase64(text: string): Uint8Array {
  const characters = atob(text);
  const bytes = new Uint8Array(characters.length);
  for (let index = 0; index < bytes.length; index += 1) bytes[index] = characters.charCodeAt(index);
  return bytes;
}
