/** SHA-256 as an argument: Node's, WebCrypto's or a portable one, as long as it answers at once. */
export type Sha256 = (bytes: Uint8Array) => Uint8Array;

export interface DigestContext {
  readonly sha256: Sha256;
}

const encoder = new TextEncoder();

/**
 * Parts in one run of bytes, each behind its length (8 bytes, big-endian), so that no two lists of
 * parts give the same bytes. The first part says what the bytes are for.
 */
export function encodeParts(purpose: string, parts: readonly (string | Uint8Array)[]): Uint8Array {
  const encoded = [purpose, ...parts].map((part) =>
    typeof part === 'string' ? encoder.encode(part) : part,
  );
  const bytes = new Uint8Array(encoded.reduce((total, { length }) => total + 8 + length, 0));
  const view = new DataView(bytes.buffer);
  let offset = 0;
  for (const part of encoded) {
    // The upper half stays zero: no part has four gigabytes.
    view.setUint32(offset + 4, part.length);
    bytes.set(part, offset + 8);
    offset += 8 + part.length;
  }
  return bytes;
}

/** base64 with the alphabet that is safe in URLs, without padding. */
export function base64Url(bytes: Uint8Array): string {
  return base64(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** Of a digest: few bytes. */
export function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

export function decodeBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
