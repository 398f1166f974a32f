const encoder = new TextEncoder();

/** FNV-1a over the UTF-8 bytes, 32 bit without sign. It is stored by what it decides, so it never changes. */
export function textHash(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of encoder.encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
