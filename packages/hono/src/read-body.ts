import {
  BodyAlreadyParsedError,
  BodyUnreadableError,
  readRequestBody,
} from '@ezthrottle/core/webhooks';
import type { Context } from 'hono';

const FIX =
  'Mount the webhook before the middleware that reads bodies, or let that middleware use ' +
  'c.req.arrayBuffer(), which leaves the bytes as they came.';

/** What Hono keeps of a body that was read through `c.req`, by the way it was read. */
const READERS: ReadonlyMap<string, string> = new Map([
  ['text', 'c.req.text() or c.req.json()'],
  ['json', 'c.req.json()'],
  ['formData', 'c.req.parseBody() or c.req.formData()'],
  ['parsedBody', 'c.req.parseBody()'],
]);

/**
 * The bytes of the body as they came, at most `limitBytes` of what is not read yet.
 *
 * @throws {BodyTooLargeError} when there are more.
 * @throws {BodyAlreadyParsedError} when something has read it and did not leave the bytes.
 * @throws {BodyUnreadableError} when the connection breaks.
 */
export async function readBody(context: Context, limitBytes: number): Promise<Uint8Array | null> {
  const { raw, bodyCache } = context.req;
  const [kept] = Object.keys(bodyCache);
  if (kept === 'arrayBuffer' || kept === 'blob') {
    return new Uint8Array(await context.req.arrayBuffer());
  }
  if (kept === 'text') return bytesOfText(await context.req.text(), raw);
  if (kept !== undefined) throw new BodyAlreadyParsedError(READERS.get(kept) ?? kept, FIX);
  const length = Number(raw.headers.get('content-length') ?? Number.NaN);
  // Reading in pieces costs more, and is only needed where the length is not known beforehand.
  if (raw.bodyUsed || !(length <= limitBytes)) return readRequestBody(raw, limitBytes);
  try {
    return new Uint8Array(await raw.arrayBuffer());
  } catch (error) {
    throw new BodyUnreadableError(error);
  }
}

/** Decoding loses a byte order mark and what is not UTF-8; without those, encoding gives the same bytes. */
function bytesOfText(text: string, raw: Request): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  const length = raw.headers.get('content-length');
  if (text.includes('\uFFFD') || (length !== null && Number(length) !== bytes.byteLength)) {
    throw new BodyAlreadyParsedError(READERS.get('text') ?? 'c.req.text()', FIX);
  }
  return bytes;
}
