import { BodyAlreadyParsedError, BodyTooLargeError, BodyUnreadableError } from './errors.ts';

const DECODERS: Readonly<Record<string, 'gzip' | 'deflate'>> = {
  gzip: 'gzip',
  'x-gzip': 'gzip',
  deflate: 'deflate',
};

/** Of a body that is refused for its length: so much more is taken, while it keeps coming. */
const DRAIN_BYTES = 67_108_864;
const DRAIN_MS = 2_000;
const DRAIN_PAUSE_MS = 200;

/**
 * Reads the body of a standard `Request`, at most `limitBytes` of it; null when it has none.
 * `Content-Encoding: gzip` and `deflate` are undone, and what they hold is counted.
 *
 * @throws {BodyTooLargeError} when there is more. A bounded part of the rest is read and thrown away before,
 *   since some hosts cut the connection of a sender that is still at it, who then never sees the answer.
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
    if (request.body !== null) await drain(request.body.getReader());
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
      // What a packed body holds may be without end: that is not unpacked to be thrown away.
      if (encoding === undefined) await drain(reader);
      else await reader.cancel().catch(() => undefined);
      throw new BodyTooLargeError(limitBytes);
    }
    chunks.push(value);
  }
}

/** Never rejects. */
async function drain(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  let left = DRAIN_BYTES;
  let isOver = false;
  const timer = setTimeout(() => {
    isOver = true;
  }, DRAIN_MS);
  try {
    while (left > 0 && !isOver) {
      const bytes = await nextLength(reader);
      if (bytes === null) break;
      left -= bytes;
    }
  } catch {
    // The connection broke: then nobody is there to be answered.
  }
  clearTimeout(timer);
  reader.cancel().catch(() => undefined);
}

/** Null at the end, and when nothing comes for a while. */
function nextLength(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(null), DRAIN_PAUSE_MS);
    const stop = (): void => clearTimeout(timer);
    reader
      .read()
      .then(({ value }) => resolve(value?.byteLength ?? null), reject)
      .finally(stop);
  });
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
