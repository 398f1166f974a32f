/** Longer ones, and any with other characters, are stored by their digest. */
const READABLE = /^[\x20-\x7e]{1,200}$/;
const DIGEST = 'sha256:';

/**
 * The id as every database can keep it: at most 200 printable ASCII characters. Others become their
 * SHA-256, so that an empty, very long or malformed id is one like any other, and none equals another.
 */
export async function storedId(id: string): Promise<string> {
  if (READABLE.test(id) && !id.startsWith(DIGEST)) return id;
  // Over the code units: UTF-8 would make one id of all those with half a surrogate pair.
  const units = new Uint8Array(id.length * 2);
  for (let index = 0; index < id.length; index += 1) {
    const unit = id.charCodeAt(index);
    units[index * 2] = unit & 0xff;
    units[index * 2 + 1] = unit >> 8;
  }
  return DIGEST + hexOf(await crypto.subtle.digest('SHA-256', units));
}

/** Two lower-case digits for each byte. */
export function hexOf(bytes: ArrayBuffer): string {
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
