import type { Readable, Transform } from 'node:stream';
import { createGunzip, createInflate } from 'node:zlib';
import { BodyTooLargeError, BodyUnreadableError } from '../webhooks/errors.ts';

const DECODERS: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
};

/**
 * Reads a stream to its end, at most `limitBytes` of what is in it once `encoding` is undone. What is
 * left over after the limit is read and thrown away, or the sender would never see the answer.
 *
 * @throws {BodyTooLargeError} as soon as there is more.
 * @throws {BodyUnreadableError} when it breaks off, or is not what `encoding` says.
 */
export function readStream(
  stream: Readable,
  limitBytes: number,
  encoding: string | undefined,
): Promise<Uint8Array> {
  const createDecoder = encoding === undefined ? undefined : DECODERS[encoding.toLowerCase()];
  return createDecoder === undefined
    ? readPlain(stream, limitBytes)
    : readEncoded(stream, limitBytes, createDecoder());
}

function readPlain(stream: Readable, limitBytes: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const onData = (chunk: Buffer): void => {
      length += chunk.byteLength;
      if (length <= limitBytes) {
        chunks.push(chunk);
        return;
      }
      stream.off('data', onData).off('end', onEnd).off('close', onClose);
      reject(new BodyTooLargeError(limitBytes));
      stream.resume();
    };
    const onEnd = (): void => {
      // Who has come to the end needs no listeners taken away, which costs as much as to add them; but 'close'
      // may be waited for by nobody, and long after.
      stream.off('close', onClose);
      const [only] = chunks;
      resolve(only !== undefined && chunks.length === 1 ? only : Buffer.concat(chunks, length));
    };
    const onClose = (): void => {
      reject(new BodyUnreadableError(stream.errored));
    };
    // The listener stays: an error without one would end the process. 'close' follows it.
    stream.on('error', ignore);
    stream.on('data', onData).on('end', onEnd).on('close', onClose);
    if (stream.destroyed) onClose();
  });
}

async function readEncoded(
  stream: Readable,
  limitBytes: number,
  decoder: Transform,
): Promise<Uint8Array> {
  // A stream that breaks off ends no pipe: the decoder has to be told.
  const onClose = (): void => {
    if (!stream.readableEnded) decoder.destroy();
  };
  stream.on('error', ignore).on('close', onClose);
  if (stream.destroyed) onClose();
  try {
    return await readPlain(stream.pipe(decoder), limitBytes);
  } finally {
    stream.off('close', onClose).unpipe(decoder).resume();
    decoder.destroy();
  }
}

function ignore(): void {}
