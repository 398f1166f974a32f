import { base64Url, type DigestContext, encodeParts, type Sha256 } from '../admit/digest.ts';
import type { Id } from '../ports/operation.ts';

/** Jobs name the same few addresses again and again. */
const KEPT = 1_000;
const LONGEST_KEPT = 512;
const known = new WeakMap<Sha256, Map<string, string>>();

/** Names a webhook address within an organization: the same for every job that delivers there. */
export function endpointId(organization: Id, url: string, { sha256 }: DigestContext): string {
  const address = `${organization} ${url}`;
  const ids = idsBy(sha256);
  const told = ids.get(address);
  if (told !== undefined) return told;
  const digest = sha256(encodeParts('ezthrottle/endpoint/1', [organization, url]));
  const id = `ep_${base64Url(digest.slice(0, 16))}`;
  if (address.length > LONGEST_KEPT) return id;
  if (ids.size >= KEPT) ids.clear();
  ids.set(address, id);
  return id;
}

function idsBy(sha256: Sha256): Map<string, string> {
  const ids = known.get(sha256);
  if (ids !== undefined) return ids;
  const fresh = new Map<string, string>();
  known.set(sha256, fresh);
  return fresh;
}
