import { partNumber } from '../apply/line-name.ts';
import { originOfAddress } from '../deliver/origin-of-address.ts';
import type { Id } from '../ports/operation.ts';
import { slotsToPart } from './split-key.ts';
import { textHash } from './text-hash.ts';

/** Into how many parts all keys are divided. It is stored with the rows, so it never changes. */
export const SLOTS = 1024;

/**
 * The part that a line belongs to, from 0 to `SLOTS` - 1: FNV-1a (32 bit) over the UTF-8 bytes of the
 * organization, a space and the line's origin, modulo `SLOTS`. Lines of one origin share a slot whatever
 * their limits are, since the destination is what their owner paces; but parts of an origin that was divided
 * have slots of their own.
 *
 * @param line Name of a line (`lineName`), or an origin by itself.
 */
export function slotOf(organization: Id, line: string): number {
  const place = placeOf(line);
  const mark = place.indexOf('#');
  // Piece by piece: a slot is asked for several times a job, and putting them together costs more than the hash.
  const ofOwner = textHash(' ', textHash(organization));
  if (mark === -1) return textHash(place, ofOwner) % SLOTS;
  const home = textHash(place.slice(0, mark), ofOwner);
  return (home + slotsToPart(partNumber(place.slice(mark + 1)))) % SLOTS;
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
function placeOf(line: string): string {
  const end = line.indexOf(' ');
  return end === -1 ? line : line.slice(0, end);
}
