import { toBytes } from './bytes.ts';

export const BLOCK_BYTES = 64;

/** How a digest is written: hexadecimal digits, or base64 with padding. */
export type DigestEncoding = 'hex' | 'base64';

/** What the two hashes of an HMAC begin with. */
export interface HmacBlocks {
  readonly inner: Uint8Array;
  readonly outer: Uint8Array;
}

/**
 * A secret as HMAC-SHA256 takes it (RFC 2104): the content is hashed behind the inner block, and that
 * digest behind the outer one.
 */
export function hmacBlocks(
  secret: string | Uint8Array,
  sha256: (bytes: Uint8Array) => Uint8Array,
): HmacBlocks {
  const bytes = toBytes(secret);
  const key = bytes.length > BLOCK_BYTES ? sha256(bytes) : bytes;
  const masked = (mask: number): Uint8Array =>
    new Uint8Array(BLOCK_BYTES).map((_, index) => (key[index] ?? 0) ^ mask);
  return { inner: masked(0x36), outer: masked(0x5c) };
}
