import { BodyAlreadyParsedError, BodyTooLargeError, BodyUnreadableError } from './errors.ts';

const DECODERS: Readonly<Record<string, 'gzip' | 'deflate'>> = {
  gzip: 'gzip',
  'x-gzip': 'gzip',
  deflate: 'deflate',
};

/**
 * Reads the body of a standard `Request`, at most `limitBytes` of it; null when it has none.
 * `Content-Encoding: gzip` and `deflate` are undone, and what they hold is counted.
 *
 * @throws {BodyTooLargeError} as soon as there is more; the rest is not read.
 * @throws {BodyAlreadyParsedError} when something else has read it.
 * @throws {BodyUnreadableError} when the connection breaks.
 */
export async function readRequestBody(
  request: Request,
  limitBytes: number,
): Promise<Uint8Array | null> {
  if (request.bodyUsed) {
    throw new BodyAlreadyParsedError(
      'request.json(), request.text() or the like',
      'Hand the request to the receiver first, or give others request.clone().',
    );
  }
  if (Number(request.headers.get('content-length')) > limitBytes) {
    throw new BodyTooLargeError(limitBytes);
  }
  if (request.body === null) return null;
  const encoding = DECODERS[request.headers.get('content-encoding')?.toLowerCase() ?? ''];
  const body: ReadableStream<Uint8Array> =
    encoding === undefined
      ? request.body
      : request.body.pipeThrough(new DecompressionStream(encoding));
  const reader: ReadableStreamDefaultReader<Uint8Array> = body.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read().catch((error: unknown) => {
      throw new BodyUnreadableError(error);
    });
    if (done) return joinChunks(chunks, length);
    length += value.byteLength;
    if (length > limitBytes) {
      await reader.cancel().catch(() => undefined);
      throw new BodyTooLargeError(limitBytes);
    }
    chunks.push(value);
  }
}

function joinChunks(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const [only] = chunks;
  if (only !== undefined && chunks.length === 1) return only;
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return bytes;
}
