import { joinBytes, toHex } from './bytes.ts';

/** Named through a function, so that no runtime's own type library is needed. */
type Key = ReturnType<typeof crypto.subtle.importKey>;

/** An application has a handful of secrets. */
const MAX_KEYS = 100;
const keys = new Map<string | Uint8Array, Key>();

/** Importing a key costs more than signing a small body, so the latest ones are kept. */
function keyOf(secret: string | Uint8Array): Key {
  const known = keys.get(secret);
  if (known !== undefined) return known;
  if (keys.size >= MAX_KEYS) keys.clear();
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const key = crypto.subtle.importKey('raw', joinBytes([secret]), algorithm, false, ['sign']);
  keys.set(secret, key);
  return key;
}

/**
 * HMAC-SHA256 of the parts, one after the other, in hexadecimal digits, by WebCrypto. A key of bytes is
 * known again as the same object, and must not change.
 */
export async function hmacSha256Async(
  secret: string | Uint8Array,
  parts: readonly (string | Uint8Array)[],
): Promise<string> {
  const key = await keyOf(secret);
  return toHex(new Uint8Array(await crypto.subtle.sign('HMAC', key, joinBytes(parts))));
}
