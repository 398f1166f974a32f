const encoder = new TextEncoder();

const START = 0x811c9dc5;
const PRIME = 0x01000193;
const FIRST_BEYOND_ASCII = 0x80;

/**
 * FNV-1a over the UTF-8 bytes, 32 bit without sign. It is stored by what it decides, so it never changes.
 *
 * @param before Hash of what stands before this text: it goes on from there. Default: nothing does.
 */
export function textHash(text: string, before: number = START): number {
  let hash = before;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    // Until here, which is nearly always all, characters are their own bytes.
    if (code >= FIRST_BEYOND_ASCII) return bytesHash(encoder.encode(text.slice(index)), hash);
    hash = Math.imul(hash ^ code, PRIME);
  }
  return hash >>> 0;
}

function bytesHash(bytes: Uint8Array, before: number): number {
  let hash = before;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, PRIME);
  return hash >>> 0;
}
