import { createHash } from 'node:crypto';

/** SHA-256 as the rules take it. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest();
}
