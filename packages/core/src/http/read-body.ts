export interface BodyText {
  readonly text: string;
  /** There was more than was read. */
  readonly truncated: boolean;
}

/** The body as text, at most `maxBytes` of it; the rest is not fetched. */
export async function readBody(response: Response, maxBytes: number): Promise<BodyText> {
  const reader = response.body?.getReader();
  if (reader === undefined) return { text: '', truncated: false };
  const chunks: Uint8Array[] = [];
  let left = maxBytes;
  for (;;) {
    const { value } = await reader.read();
    if (value === undefined) return { text: textOf(chunks, false), truncated: false };
    chunks.push(value.subarray(0, left));
    left -= value.length;
    if (left < 0) {
      // Not waited for: a peer that goes on sending may let it hang.
      reader.cancel().catch(() => undefined);
      return { text: textOf(chunks, true), truncated: true };
    }
  }
}

/** Keeps nothing between whole texts; a new decoder costs more than decoding a small body. */
const decoderOfWholes = new TextDecoder();

/** What a cut leaves of a character is left out. */
function textOf(chunks: readonly Uint8Array[], isCut: boolean): string {
  const [first] = chunks;
  if (chunks.length < 2 && !isCut) return decoderOfWholes.decode(first);
  const decoder = new TextDecoder();
  const text = chunks.map((chunk) => decoder.decode(chunk, { stream: true })).join('');
  return isCut ? text : text + decoder.decode();
}
