import type { Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from 'node:zlib';

/** What a body tells the call it belongs to. */
export interface BodyEvents {
  /** The decoder is behind: stop reading from the socket. */
  pause(): void;
  resume(): void;
  /** Called once. `isCut`: bytes are missing, because there were too many or they could not be decoded. */
  done(bytes: Buffer, isCut: boolean): void;
}

const ENCODINGS: ReadonlySet<string> = new Set(['gzip', 'x-gzip', 'deflate', 'br']);

/** Whether bodies of this `content-encoding` are kept decoded. */
export function isDecodable(contentEncoding: string | undefined): contentEncoding is string {
  return contentEncoding !== undefined && ENCODINGS.has(contentEncoding.trim().toLowerCase());
}

/**
 * Collects a body up to a bound, decoding it on the way. The bound is on decoded bytes, so a small
 * answer that unpacks to a huge one is cut as well.
 */
export class ResponseBody {
  readonly #maxBytes: number;
  readonly #encoding: string | null;
  readonly #events: BodyEvents;
  #chunks: Buffer[] = [];
  #size = 0;
  #decoder: Transform | null = null;
  #isDone = false;

  constructor(maxBytes: number, contentEncoding: string | undefined, events: BodyEvents) {
    this.#maxBytes = maxBytes;
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
    const decoder = this.#decoder;
    if (decoder.write(chunk)) return;
    this.#events.pause();
    decoder.once('drain', () => this.#events.resume());
  }

  end(): void {
    if (this.#decoder === null) this.#finish(false);
    else this.#decoder.end();
  }

  /** The call is over: frees the decoder, reports nothing more. */
  discard(): void {
    this.#isDone = true;
    this.#chunks = [];
    this.#decoder?.destroy();
  }

  #startDecoder(encoding: string, firstChunk: Buffer): Transform {
    const decoder = createDecoder(encoding, firstChunk);
    decoder.on('data', (chunk: Buffer) => this.#keep(chunk));
    decoder.on('end', () => this.#finish(false));
    decoder.on('error', () => this.#finish(true));
    return decoder;
  }

  #keep(chunk: Buffer): void {
    if (this.#isDone) return;
    const room = this.#maxBytes - this.#size;
    const kept = chunk.length > room ? chunk.subarray(0, room) : chunk;
    this.#chunks.push(kept);
    this.#size += kept.length;
    if (kept.length < chunk.length) this.#finish(true);
  }

  #finish(isCut: boolean): void {
    if (this.#isDone) return;
    const bytes = Buffer.concat(this.#chunks, this.#size);
    this.discard();
    this.#events.done(bytes, isCut);
  }
}

function createDecoder(encoding: string, firstChunk: Buffer): Transform {
  if (encoding === 'br') return createBrotliDecompress();
  if (encoding !== 'deflate') return createGunzip();
  // Some servers call the bare format "deflate"; a zlib header says method 8 in its first half byte.
  const hasZlibHeader = ((firstChunk[0] ?? 0) & 0x0f) === 8;
  return hasZlibHeader ? createInflate() : createInflateRaw();
}
