import { describe, expect, it } from 'vitest';
import { delivery, type ManualClock, open, signed } from './receiver.testbench.ts';

describe('a standard Request', () => {
  function request(clock: ManualClock, body: string | ReadableStream, bytes: Uint8Array): Request {
    const header = signed(bytes, clock)('x-ezthrottle-signature') ?? '';
    const headers = { 'x-ezthrottle-signature': header };
    return new Request('http://app/hook', { method: 'POST', body, headers, duplex: 'half' });
  }
  const bytes = new TextEncoder().encode(JSON.stringify(delivery('1')));

  it('is answered with a Response', async () => {
    const { receiver, clock } = open();
    const response = await receiver.handle(request(clock, JSON.stringify(delivery('1')), bytes));
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch(/^application\/json/);
    expect(await response.json()).toEqual({ status: 'received' });
  });

  it('may come in small pieces', async () => {
    const { receiver, clock } = open();
    const stream = new ReadableStream({
      start(controller) {
        for (const byte of bytes) controller.enqueue(new Uint8Array([byte]));
        controller.close();
      },
    });
    expect((await receiver.handle(request(clock, stream, bytes))).status).toBe(200);
  });

  it('without an end is refused after a bounded part of it, and its stream let go', async () => {
    const { receiver, clock } = open({ maxBodyBytes: 1_000 });
    let pulled = 0;
    let isCancelled = false;
    const stream = new ReadableStream({
      pull(controller) {
        pulled += 1;
        controller.enqueue(new Uint8Array(400));
      },
      cancel() {
        isCancelled = true;
      },
    });
    expect((await receiver.handle(request(clock, stream, bytes))).status).toBe(413);
    expect(pulled).toBeLessThan(200_000);
    expect(isCancelled).toBe(true);
  });

  it('that something else has read is a mistake of the application, not of the sender', async () => {
    const { receiver, clock, errors } = open();
    const used = request(clock, JSON.stringify(delivery('1')), bytes);
    await used.text();
    expect((await receiver.handle(used)).status).toBe(500);
    expect(errors).toMatchObject([{ code: 'body_already_parsed' }]);
  });

  it('whose connection breaks is answered with 400', async () => {
    const { receiver, clock } = open();
    const stream = new ReadableStream({
      pull(controller) {
        controller.error(new Error('reset'));
      },
    });
    expect((await receiver.handle(request(clock, stream, bytes))).status).toBe(400);
  });

  it('without a body is answered, not crashed on', async () => {
    const { receiver } = open();
    const empty = new Request('http://app/hook', { method: 'POST' });
    expect((await receiver.handle(empty)).status).toBe(401);
  });
});
