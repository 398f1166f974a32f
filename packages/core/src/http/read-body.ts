export interface BodyText {
  readonly text: string;
  /** There was more than was read. */
  readonly truncated: boolean;
}

/** The body as text, at most `maxBytes` of it; the rest is not fetched. */
export async function readBody(response: Response, maxBytes: number): Promise<BodyText> {
  const reader = response.body?.getReader();
  if (reader === undefined) return { text: '', truncated: false };
  const decoder = new TextDecoder();
  let text = '';
  let left = maxBytes;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return { text: text + decoder.decode(), truncated: false };
    text += decoder.decode(value.subarray(0, left), { stream: true });
    left -= value.length;
    if (left < 0) {
      // Not waited for: a peer that goes on sending may let it hang.
      reader.cancel().catch(() => undefined);
      return { text, truncated: true };
    }
  }
}
