import type { Id } from '../ports/operation.ts';
import { type DigestContext, encodeParts } from './digest.ts';

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

const ID_BYTES = 16;

/**
 * The id of what hangs on a job by a named edge: the same for the same (parent, edge), so that making
 * it twice makes one. A UUID of version 8 in lower case.
 *
 * @param edge For example `on_success` or `delivery[0]`.
 */
export function deriveId(parentId: Id, edge: string, { sha256 }: DigestContext): Id {
  const digest = sha256(encodeParts('ezthrottle/id/1', [parentId, edge]));
  let id = '';
  for (let index = 0; index < ID_BYTES; index += 1) {
    if (index === 4 || index === 6 || index === 8 || index === 10) id += '-';
    id += HEX[marked(digest[index] ?? 0, index)];
  }
  return id;
}

/** A byte of the id, with version and variant in their places. */
function marked(byte: number, index: number): number {
  if (index === 6) return (byte & 0x0f) | 0x80;
  return index === 8 ? (byte & 0x3f) | 0x80 : byte;
}
