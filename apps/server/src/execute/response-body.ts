import type { Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from 'node:zlib';
import { BoundedBytes } from './bounded-bytes.ts';

/** What a body tells the call it belongs to. */
export interface BodyEvents {
  /** The decoder is behind: stop reading from the socket. */
  pause(): void;
  resume(): void;
  /**
   * Called once. `isCut`: bytes are missing, because there were too many or they could not be decoded.
   * `isDecoded`: they are no longer in the encoding that was stated.
   */
  done(bytes: Buffer, isCut: boolean, isDecoded: boolean): void;
}

const ENCODINGS: ReadonlySet<string> = new Set(['gzip', 'x-gzip', 'deflate', 'br']);

/** Whether bodies of this `content-encoding` are kept decoded. */
function isDecodable(contentEncoding: string | undefined): contentEncoding is string {
  return contentEncoding !== undefined && ENCODINGS.has(contentEncoding.trim().toLowerCase());
}

/**
 * Collects a body up to a bound, decoding it on the way. The bound is on decoded bytes, so a small
 * answer that unpacks to a huge one is cut as well. A body from which nothing can be decoded is kept as
 * it came: it was never in the encoding that was stated, and its bytes are all there is.
 */
export class ResponseBody {
  readonly #maxBytes: number;
  readonly #events: BodyEvents;
  readonly #kept: BoundedBytes;
  /** What came from the socket, until the decoder has given something. */
  #raw: BoundedBytes | null = null;
  /** Null: the body is kept as it comes. */
  #encoding: string | null;
  #decoder: Transform | null = null;
  /** Bytes that the decoder was given. */
  #packedSize = 0;
  #hasEnded = false;
  #isDone = false;

  constructor(maxBytes: number, contentEncoding: string | undefined, events: BodyEvents) {
    this.#maxBytes = maxBytes;
    this.#kept = new BoundedBytes(maxBytes);
    this.#encoding = isDecodable(contentEncoding) ? contentEncoding.trim().toLowerCase() : null;
    this.#events = events;
  }

  push(chunk: Buffer): void {
    if (this.#isDone) return;
    if (this.#encoding === null) {
      this.#keep(chunk);
      return;
    }
    this.#decoder ??= this.#startDecoder(this.#encoding, chunk);
    this.#raw?.add(chunk);
    this.#packedSize += chunk.length;
    // No packing makes a body much longer: what does is there to be read for ever.
    if (this.#packedSize > longestPacked(this.#maxBytes)) {
      this.#finish(true);
      return;
    }
    const decoder = this.#decoder;
    if (decoder.write(chunk)) return;
    this.#events.pause();
    decoder.once('drain', () => this.#events.resume());
  }

  end(): void {
    this.#hasEnded = true;
    if (this.#decoder === null) this.#finish(false);
    else this.#decoder.end();
  }

  /** The call is over: frees the decoder, reports nothing more. */
  discard(): void {
    this.#isDone = true;
    this.#kept.clear();
    this.#raw = null;
    this.#decoder?.destroy();
  }

  #startDecoder(encoding: string, firstChunk: Buffer): Transform {
    this.#raw = new BoundedBytes(this.#maxBytes);
    const decoder = createDecoder(encoding, firstChunk);
    decoder.on('data', (chunk: Buffer) => {
      this.#raw = null;
      this.#keep(chunk);
    });
    decoder.on('end', () => this.#finish(false));
    decoder.on('error', () => this.#decodingFailed());
    return decoder;
  }

  #decodingFailed(): void {
    const raw = this.#raw;
    if (this.#isDone || raw === null) {
      this.#finish(true);
      return;
    }
    this.#raw = null;
    this.#encoding = null;
    this.#decoder = null;
    for (const chunk of raw.takeChunks()) this.#keep(chunk);
    if (raw.isCut || this.#hasEnded) this.#finish(raw.isCut);
    // A decoder that failed never drains.
    else this.#events.resume();
  }

  #keep(chunk: Buffer): void {
    if (this.#isDone) return;
    this.#kept.add(chunk);
    if (this.#kept.isCut) this.#finish(true);
  }

  #finish(isCut: boolean): void {
    if (this.#isDone) return;
    const isDecoded = this.#decoder !== null;
    const bytes = this.#kept.joined();
    this.discard();
    this.#events.done(bytes, isCut, isDecoded);
  }
}

function longestPacked(maxBytes: number): number {
  return maxBytes * 1.125 + 65_536;
}

function createDecoder(encoding: string, firstChunk: Buffer): Transform {
  if (encoding === 'br') return createBrotliDecompress();
  if (encoding !== 'deflate') return createGunzip();
  // Some servers call the bare format "deflate"; a zlib header says method 8 in its first half byte.
  const hasZlibHeader = ((firstChunk[0] ?? 0) & 0x0f) === 8;
  return hasZlibHeader ? createInflate() : createInflateRaw();
}
