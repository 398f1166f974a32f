import { createHmac, createPrivateKey, createSecretKey, type KeyObject, sign } from 'node:crypto';

/** Keys as node:crypto takes them: making one of bytes costs several times as much as the signature. */
const hmacKeys = new WeakMap<Uint8Array, KeyObject>();
const ed25519Keys = new WeakMap<Uint8Array, KeyObject>();

/** What stands before the seed of an ed25519 key in PKCS #8. */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

export function hmacSha256(key: Uint8Array, content: string): Uint8Array {
  let known = hmacKeys.get(key);
  if (known === undefined) {
    known = createSecretKey(key);
    hmacKeys.set(key, known);
  }
  return createHmac('sha256', known).update(content).digest();
}

/** @param seed 32 bytes. */
export function signEd25519(seed: Uint8Array, content: string): Uint8Array {
  let known = ed25519Keys.get(seed);
  if (known === undefined) {
    const key = Buffer.concat([PKCS8_PREFIX, seed]);
    known = createPrivateKey({ key, format: 'der', type: 'pkcs8' });
    ed25519Keys.set(seed, known);
  }
  return sign(null, Buffer.from(content), known);
}
