import type { Id } from '../ports/operation.ts';
import { type DigestContext, encodeParts } from './digest.ts';

/**
 * The id of what hangs on a job by a named edge: the same for the same (parent, edge), so that making
 * it twice makes one. A UUID of version 8 in lower case.
 *
 * @param edge For example `on_success` or `delivery[0]`.
 */
export function deriveId(parentId: Id, edge: string, { sha256 }: DigestContext): Id {
  const bytes = sha256(encodeParts('ezthrottle/id/1', [parentId, edge])).slice(0, 16);
  const hex = Array.from(bytes, (byte, index) => {
    const marked = index === 6 ? (byte & 0x0f) | 0x80 : index === 8 ? (byte & 0x3f) | 0x80 : byte;
    return marked.toString(16).padStart(2, '0');
  }).join('');
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join('-');
}
