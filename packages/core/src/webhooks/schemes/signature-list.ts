const MAX_PARTS = 64;

/**
 * Signatures of one version out of `v1,<base64> v1a,<base64> …`; at most so many are looked at. A
 * reason instead when there is none.
 */
export function pickVersion(
  header: string,
  version: string,
  most: number,
): readonly string[] | string {
  const prefix = `${version},`;
  const signatures: string[] = [];
  for (const part of header.split(' ', MAX_PARTS)) {
    if (!part.startsWith(prefix) || part.length === prefix.length) continue;
    if (signatures.length < most) signatures.push(part.slice(prefix.length));
  }
  return signatures.length > 0 ? signatures : `missing_${version}_signature`;
}
