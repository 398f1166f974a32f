const encoder = new TextEncoder();

/** UTF-8 bytes of a text; bytes are given back as they are. */
export function toBytes(content: string): Uint8Array<ArrayBuffer>;
export function toBytes(content: string | Uint8Array): Uint8Array;
export function toBytes(content: string | Uint8Array): Uint8Array {
  return typeof content === 'string' ? encoder.encode(content) : content;
}

/** All parts, one after the other, in a buffer of their own; texts as UTF-8. */
export function joinBytes(parts: readonly (string | Uint8Array)[]): Uint8Array<ArrayBuffer> {
  const pieces = parts.map(toBytes);
  const joined = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let end = 0;
  for (const piece of pieces) {
    joined.set(piece, end);
    end += piece.length;
  }
  return joined;
}

/** Lower-case hexadecimal digits. */
export function toHex(bytes: Uint8Array): string {
  let hex = '';
  for (const byte of bytes) hex += byte.toString(16).padStart(2, '0');
  return hex;
}

/**
 * Compares in a time that depends on the length of `expected` only, never on where the two differ:
 * otherwise the time taken would tell a forger how much of a guess was right.
 */
export function isEqualInConstantTime(expected: string, actual: string): boolean {
  let difference = expected.length ^ actual.length;
  for (let index = 0; index < expected.length; index += 1) {
    // Past the end of `actual` this is NaN, which counts as 0; the lengths tell then.
    difference |= expected.charCodeAt(index) ^ actual.charCodeAt(index);
  }
  return difference === 0;
}
