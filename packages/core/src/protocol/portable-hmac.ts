import { sha256 } from '@noble/hashes/sha2.js';
import { toBytes, toHex } from './bytes.ts';
import { type DigestEncoding, hmacBlocks } from './hmac-blocks.ts';

/**
 * HMAC-SHA256 of the parts, one after the other, where there is no node:crypto.
 * In JavaScript, since WebCrypto has no synchronous form.
 */
export function hmacSha256(
  secret: string | Uint8Array,
  parts: readonly (string | Uint8Array)[],
  encoding: DigestEncoding = 'hex',
): string {
  const { inner, outer } = hmacBlocks(secret, sha256);
  const running = sha256.create().update(inner);
  for (const part of parts) running.update(toBytes(part));
  const digest = sha256.create().update(outer).update(running.digest()).digest();
  return encoding === 'hex' ? toHex(digest) : btoa(String.fromCharCode(...digest));
}
