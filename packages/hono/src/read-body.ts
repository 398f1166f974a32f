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

/** Told of bytes that had to be written again from a text, which only a signature that fits can prove. */
export type OnDoubt = (mistake: BodyAlreadyParsedError) => void;

/**
 * The bytes of the body as they came, at most `limitBytes` of what is not read yet.
 *
 * @throws {BodyTooLargeError} when there are more.
 * @throws {BodyAlreadyParsedError} when something has read it and did not leave the bytes.
 * @throws {BodyUnreadableError} when the connection breaks.
 */
export function readBody(
  context: Context,
  limitBytes: number,
  onDoubt: OnDoubt,
): Promise<Uint8Array | null> {
  const { raw, bodyCache } = context.req;
  const [kept] = Object.keys(bodyCache);
  if (kept !== undefined) return readKept(kept, context, limitBytes, onDoubt);
  if (!isWholeAtOnce(raw, limitBytes)) return readRequestBody(raw, limitBytes);
  return context.req.arrayBuffer().then(bytesOf, unreadable);
}

async function readKept(
  kept: string,
  { req }: Context,
  limitBytes: number,
  onDoubt: OnDoubt,
): Promise<Uint8Array | null> {
  const { raw } = req;
  if (kept === 'text') {
    const bytes = bytesOfText(await req.text().catch(unreadable), raw, onDoubt);
    return unpacked(bytes, raw, limitBytes);
  }
  if (kept !== 'arrayBuffer' && kept !== 'blob') {
    throw new BodyAlreadyParsedError(READERS.get(kept) ?? kept, FIX);
  }
  // Early versions of Hono 4 cannot make one of the other.
  const read = kept === 'blob' ? new Response(await req.blob()) : req;
  return unpacked(bytesOf(await read.arrayBuffer().catch(unreadable)), raw, limitBytes);
}

function bytesOf(buffer: ArrayBuffer): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer);
}

function unreadable(error: unknown): never {
  throw new BodyUnreadableError(error);
}

/** Reading in pieces costs more: it is for lengths that are not known, and for what has to be unpacked. */
function isWholeAtOnce({ bodyUsed, headers }: Request, limitBytes: number): boolean {
  const length = Number(headers.get('content-length') ?? Number.NaN);
  return !bodyUsed && length <= limitBytes && headers.get('content-encoding') === null;
}

/** What was signed is what was packed: by a proxy, which says so. */
async function unpacked(
  body: Uint8Array<ArrayBuffer>,
  { url, headers }: Request,
  limitBytes: number,
): Promise<Uint8Array | null> {
  const encoding = headers.get('content-encoding');
  if (encoding === null) return body;
  const again = { method: 'POST', body, headers: { 'content-encoding': encoding } };
  return readRequestBody(new Request(url, again), limitBytes);
}

/**
 * Decoding loses a byte order mark and what is not UTF-8; without those, encoding gives the same bytes. A
 * replacement character may stand for bytes that were lost, or have been sent as one.
 */
function bytesOfText(text: string, raw: Request, onDoubt: OnDoubt): Uint8Array<ArrayBuffer> {
  const bytes = new TextEncoder().encode(text);
  const length = raw.headers.get('content-length');
  const mistake = (): BodyAlreadyParsedError =>
    new BodyAlreadyParsedError(READERS.get('text') ?? 'c.req.text()', FIX);
  if (length !== null && Number(length) !== bytes.byteLength) throw mistake();
  if (!text.includes('\uFFFD')) return bytes;
  // What is packed never was a text.
  if (raw.headers.get('content-encoding') !== null) throw mistake();
  onDoubt(mistake());
  return bytes;
}
