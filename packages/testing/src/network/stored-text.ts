import type { StoredResponse } from '@ezthrottle/engine';

/** How many bytes a cut may leave of one character. */
const MOST_LEFT_OVER = 3;

/** Bytes of an answer as a server keeps them: text where that loses nothing, else base64. */
export function storedBody(
  bytes: Uint8Array,
  maxBytes: number,
): Pick<StoredResponse, 'body' | 'bodyEncoding' | 'truncated'> {
  const truncated = bytes.length > maxBytes;
  const kept = bytes.subarray(0, maxBytes);
  const text = textOf(kept, truncated ? MOST_LEFT_OVER : 0);
  if (text !== null) return { body: text, bodyEncoding: 'utf8', truncated };
  const binary = Array.from(kept, (byte) => String.fromCharCode(byte)).join('');
  return { body: btoa(binary), bodyEncoding: 'base64', truncated };
}

/** Null when the bytes are no text, even without their last few. */
function textOf(bytes: Uint8Array, mayDrop: number): string | null {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  for (let dropped = 0; dropped <= mayDrop; dropped += 1) {
    try {
      const text = decoder.decode(bytes.subarray(0, bytes.length - dropped));
      return text.includes('\0') ? null : text;
    } catch {
      // The cut may have gone through a character.
    }
  }
  return null;
}
