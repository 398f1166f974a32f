import { originOfAddress } from '../deliver/origin-of-address.ts';
import type { Id } from '../ports/operation.ts';
import { textHash } from './text-hash.ts';

/** Into how many parts all keys are divided. It is stored with the rows, so it never changes. */
export const SLOTS = 1024;

/**
 * The part that a line belongs to, from 0 to `SLOTS` - 1: FNV-1a (32 bit) over the UTF-8 bytes of the
 * organization, a space and the line's origin, modulo `SLOTS`. Lines of one origin share a slot whatever
 * their limits are, since the destination is what their owner paces.
 *
 * @param line Name of a line (`lineName`), or an origin by itself.
 */
export function slotOf(organization: Id, line: string): number {
  // Piece by piece: a slot is asked for several times a job, and putting them together costs more than the hash.
  return textHash(originOf(line), textHash(' ', textHash(organization))) % SLOTS;
}

/** The part that deliveries to this address belong to: that of its origin. */
export function slotOfEndpoint(organization: Id, url: string): number {
  return slotOf(organization, originOfAddress(url));
}

/**
 * The part whose owner divides this limit among those that spend it: the hash of the organization, ` limit ` and
 * the key as it is. No line has such a name, since an origin has no space.
 */
export function slotOfLimit(organization: Id, key: string): number {
  return textHash(`${organization} limit ${key}`) % SLOTS;
}

/** As `parseLineName` would tell it, without reading the limits: a slot is asked for with every row. */
function originOf(line: string): string {
  const end = line.indexOf(' ');
  return end === -1 ? line : line.slice(0, end);
}
