import { createPrivateKey, type KeyObject, sign } from 'node:crypto';

/** Keys as node:crypto takes them: making one of bytes costs several times as much as the signature. */
const ed25519Keys = new WeakMap<Uint8Array, KeyObject>();

/** What stands before the seed of an ed25519 key in PKCS #8. */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

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
