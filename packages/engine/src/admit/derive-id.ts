import type { Id } from '../ports/operation.ts';
import { type DigestContext, encodeParts } from './digest.ts';

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/**
 * The id of what hangs on a job by a named edge: the same for the same (parent, edge), so that making
 * it twice makes one. A UUID of version 8 in lower case.
 *
 * @param edge For example `on_success` or `delivery[0]`.
 */
export function deriveId(parentId: Id, edge: string, { sha256 }: DigestContext): Id {
  const bytes = sha256(encodeParts('ezthrottle/id/1', [parentId, edge])).slice(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  let hex = '';
  for (const byte of bytes) hex += HEX[byte];
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join('-');
}
