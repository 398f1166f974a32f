import { PassThrough, Readable } from 'node:stream';
import { deflateSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readStream } from './read-stream.ts';

const LIMIT = 10_000;

const pieces = fc.array(fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)));
const encodings = fc.constantFrom<readonly [string | undefined, (bytes: Buffer) => Buffer]>(
  [undefined, (bytes) => bytes],
  ['gzip', gzipSync],
  ['X-Gzip', gzipSync],
  ['deflate', deflateSync],
  ['an encoding that nobody knows', (bytes) => bytes],
);

describe('the body of a Node request', () => {
  it('is the bytes that were signed, however they are cut and compressed', async () => {
    await fc.assert(
      fc.asyncProperty(pieces, encodings, fc.nat(), async (chunks, [encoding, encode], cut) => {
        const bytes = Buffer.concat(chunks);
        const sent = encode(bytes);
        const at = cut % (sent.length + 1);
        const stream = Readable.from([sent.subarray(0, at), sent.subarray(at)], {
          objectMode: false,
        });
        expect(Buffer.from(await readStream(stream, LIMIT, encoding))).toEqual(bytes);
      }),
    );
  });

  it('is refused from the first byte over the limit on, and the rest is thrown away', async () => {
    const stream = Readable.from(['x'.repeat(LIMIT), 'x', 'x'.repeat(LIMIT)]);
    await expect(readStream(stream, LIMIT, undefined)).rejects.toMatchObject({
      code: 'body_too_large',
    });
    await expect.poll(() => stream.readableEnded).toBe(true);
  });

  it('is refused when little that was sent holds too much, and the rest is thrown away', async () => {
    const stream = Readable.from([gzipSync(Buffer.alloc(5_000_000)), 'more']);
    await expect(readStream(stream, LIMIT, 'gzip')).rejects.toMatchObject({
      code: 'body_too_large',
    });
    await expect.poll(() => stream.readableEnded).toBe(true);
  });

  it.each([undefined, 'gzip'])('is unreadable when it breaks off (%s)', async (encoding) => {
    const stream = new PassThrough();
    const body = readStream(stream, LIMIT, encoding);
    stream.write(gzipSync('a beginning').subarray(0, 15));
    stream.destroy(new Error('the line is dead'));
    await expect(body).rejects.toMatchObject({ code: 'body_unreadable' });
    await expect(readStream(stream, LIMIT, encoding)).rejects.toMatchObject({
      code: 'body_unreadable',
    });
  });

  it.each([
    ['is not compressed at all', Buffer.from('{}')],
    ['ends too early', gzipSync('{}').subarray(0, -1)],
  ])('is unreadable when what is called gzip %s', async (_what, sent) => {
    await expect(readStream(Readable.from([sent]), LIMIT, 'gzip')).rejects.toMatchObject({
      code: 'body_unreadable',
    });
  });
});
