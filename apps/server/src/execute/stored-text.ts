import { isUtf8 } from 'node:buffer';

export interface StoredText {
  readonly body: string;
  readonly bodyEncoding: 'utf8' | 'base64';
}

/**
 * Bytes of an answer as they are kept: as text where that loses nothing, else in base64. Text with a
 * zero character goes as base64 too, because databases cut or refuse it.
 *
 * @param isCut The end may be missing: half a character there does not make text binary, it is dropped.
 */
export function storedText(bytes: Buffer, isCut: boolean): StoredText {
  const text = isCut ? withoutHalfCharacter(bytes) : bytes;
  if (isUtf8(text) && !text.includes(0)) {
    return { body: text.toString('utf8'), bodyEncoding: 'utf8' };
  }
  return { body: bytes.toString('base64'), bodyEncoding: 'base64' };
}

/** Drops a UTF-8 sequence that the end of the bytes cuts in two. */
function withoutHalfCharacter(bytes: Buffer): Buffer {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    const isContinuation = (byte & 0xc0) === 0x80;
    if (isContinuation) continue;
    return lengthOfSequence(byte) > back ? bytes.subarray(0, bytes.length - back) : bytes;
  }
  return bytes;
}

function lengthOfSequence(firstByte: number): number {
  if (firstByte >= 0xf0) return 4;
  if (firstByte >= 0xe0) return 3;
  return firstByte >= 0xc0 ? 2 : 1;
}
