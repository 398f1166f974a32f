import { hash } from 'node:crypto';
import { type IdempotencyClaim, ORGANIZATION_SCOPE } from '@ezthrottle/engine';

/** Before the digest in a key that the server derived. */
const DERIVED = 'h1_';
const DIGEST_BYTES = 32;
const BEFORE_TEXT = Buffer.alloc(DIGEST_BYTES + 1);
const DIGEST = /^[\w-]{43}$/;

/** A digest is kept as its 32 bytes; whatever else somebody compares by, as it is. */
export function storedFingerprint(fingerprint: string): string | Uint8Array {
  if (!DIGEST.test(fingerprint)) return fingerprint;
  const bytes = Buffer.from(fingerprint, 'base64url');
  return bytes.toString('base64url') === fingerprint ? bytes : fingerprint;
}

/** The same where a column holds bytes only: text stands behind more of them than a digest has. */
export function fingerprintBytes(fingerprint: string): Uint8Array {
  const stored = storedFingerprint(fingerprint);
  return typeof stored === 'string' ? Buffer.concat([BEFORE_TEXT, Buffer.from(stored)]) : stored;
}

export function restoredFingerprint(stored: unknown): string {
  if (!(stored instanceof Uint8Array)) return String(stored);
  if (stored.byteLength > DIGEST_BYTES) {
    return Buffer.from(stored.subarray(BEFORE_TEXT.byteLength)).toString();
  }
  return Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength).toString('base64url');
}

/** Null for a key that is made of the fingerprint beside it. */
export function storedKey({ key, fingerprint }: IdempotencyClaim): string | null {
  return key === DERIVED + fingerprint ? null : key;
}

export function restoredKey(stored: string | null, fingerprint: unknown): string {
  return stored ?? DERIVED + restoredFingerprint(fingerprint);
}

/** Null for the scope that nearly all keys have. */
export function scopeColumn(scope: string): string | null {
  return scope === ORGANIZATION_SCOPE ? null : scope;
}

/** A key as it is stored and compared: 16 bytes, however long it is. */
export function idempotencyKeyHash(key: string): Uint8Array {
  return hash('sha256', key, 'buffer').subarray(0, 16);
}
