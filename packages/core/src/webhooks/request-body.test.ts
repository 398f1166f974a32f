import { deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readRequestBody } from './request-body.ts';

const text = '{"status":"success"}';

function requestOf(body: Uint8Array<ArrayBuffer>, encoding: string): Request {
  const headers = { 'content-encoding': encoding };
  return new Request('http://127.0.0.1/hook', { method: 'POST', body, headers });
}

describe('the body of a standard request', () => {
  it.each([
    ['gzip', gzipSync(text)],
    ['X-GZIP', gzipSync(text)],
    ['deflate', deflateSync(text)],
  ])('is what was compressed as %s', async (encoding, compressed) => {
    const body = await readRequestBody(requestOf(compressed, encoding), 100);
    expect(new TextDecoder().decode(body ?? undefined)).toBe(text);
  });

  it('is limited by what it holds, not by what it was compressed to', async () => {
    const bomb = requestOf(gzipSync(Buffer.alloc(1_000_000)), 'gzip');
    await expect(readRequestBody(bomb, 10_000)).rejects.toMatchObject({ code: 'body_too_large' });
  });

  it.each([null, '50000'])(
    'is read on after its limit, so that the sender hears of it; announced: %s',
    async (length) => {
      let left = 50;
      const body = new ReadableStream<Uint8Array>({
        pull(controller) {
          if (left === 0) controller.close();
          else controller.enqueue(new Uint8Array(1_000));
          left -= 1;
        },
      });
      const headers = length === null ? {} : { 'content-length': length };
      const init = { method: 'POST', body, headers, duplex: 'half' as const };
      const request = new Request('http://127.0.0.1/hook', init);
      await expect(readRequestBody(request, 100)).rejects.toMatchObject({ code: 'body_too_large' });
      expect(left).toBeLessThan(1);
    },
  );

  it('is not waited for after its limit when nothing more comes', async () => {
    let isCancelled = false;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new Uint8Array(1_000)),
      cancel: () => {
        isCancelled = true;
      },
    });
    const init = { method: 'POST', body, duplex: 'half' as const };
    const request = new Request('http://127.0.0.1/hook', init);
    await expect(readRequestBody(request, 100)).rejects.toMatchObject({ code: 'body_too_large' });
    expect(isCancelled).toBe(true);
  });

  it('cannot be read when it is not compressed as it says', async () => {
    const broken = requestOf(new TextEncoder().encode(text), 'gzip');
    await expect(readRequestBody(broken, 100)).rejects.toMatchObject({ code: 'body_unreadable' });
  });

  it('is left as it came under an encoding that is not known', async () => {
    const body = await readRequestBody(requestOf(new TextEncoder().encode(text), 'own'), 100);
    expect(new TextDecoder().decode(body ?? undefined)).toBe(text);
  });
});
