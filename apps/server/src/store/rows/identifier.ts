import type { Id } from '@ezthrottle/engine';
import { Rejection } from './rejection.ts';

const PATTERN = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The 16 bytes of a UUID in lower case with dashes; null when it is not one. */
export function identifierBytes(id: Id): Uint8Array | null {
  return PATTERN.test(id) ? Buffer.from(id.replaceAll('-', ''), 'hex') : null;
}

export function identifierText(bytes: Uint8Array): Id {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** @throws Rejection when it is not one. */
export function requiredIdentifier(id: string, path: string): Uint8Array {
  const bytes = identifierBytes(id);
  if (bytes === null) throw new Rejection(`${path}: expected a UUID in lower case with dashes`);
  return bytes;
}
