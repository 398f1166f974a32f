import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { toBytes, toHex } from './bytes.ts';

/**
 * HMAC-SHA256 of the parts, one after the other, in hexadecimal digits, where there is no node:crypto.
 * In JavaScript, since WebCrypto has no synchronous form.
 */
export function hmacSha256(secret: string, parts: readonly (string | Uint8Array)[]): string {
  const running = hmac.create(sha256, toBytes(secret));
  for (const part of parts) running.update(toBytes(part));
  return toHex(running.digest());
}
