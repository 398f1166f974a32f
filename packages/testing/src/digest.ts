import { ed25519 } from '@noble/curves/ed25519.js';
import { sha256 as hash } from '@noble/hashes/sha2.js';

/** SHA-256 as the rules take it: answers at once, on every runtime. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return hash(bytes);
}

export function sha256Hex(text: string): string {
  const digest = hash(new TextEncoder().encode(text));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** By a seed of 32 bytes. */
export function signEd25519(seed: Uint8Array, content: string): Uint8Array {
  return ed25519.sign(new TextEncoder().encode(content), seed);
}
