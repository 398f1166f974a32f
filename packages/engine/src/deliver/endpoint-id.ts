import { base64Url, type DigestContext, encodeParts } from '../admit/digest.ts';
import type { Id } from '../ports/operation.ts';

/** Names a webhook address within an organization: the same for every job that delivers there. */
export function endpointId(organization: Id, url: string, { sha256 }: DigestContext): string {
  const digest = sha256(encodeParts('ezthrottle/endpoint/1', [organization, url]));
  return `ep_${base64Url(digest.slice(0, 16))}`;
}
