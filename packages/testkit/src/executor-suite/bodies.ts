import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { ExecutorBench } from './executor-suite.ts';

/** How an answer is kept. */
export function describeBodies(bench: () => ExecutorBench): void {
  describe('an answer', () => {
    test('is kept with status, headers and body, and its times', async () => {
      const { caller, upstream } = bench();
      upstream.script({ status: 201, headers: { 'X-Made': 'yes' }, body: 'grüße' });
      const before = Date.now();

      const report = await caller.one(upstream.url());

      expect(report.outcome).toMatchObject({ kind: 'response', status: 201 });
      expect(report.response).toMatchObject({
        status: 201,
        body: 'grüße',
        bodyEncoding: 'utf8',
        truncated: false,
      });
      expect(report.response?.headers['x-made']).toBe('yes');
      expect(report.outcome).toMatchObject({ headers: report.response?.headers });
      expect(report.startedAt).toBeGreaterThanOrEqual(before);
      expect(report.endedAt).toBeGreaterThanOrEqual(report.startedAt);
    });

    test.each([404, 429, 500, 503])('is an answer whatever its status: %i', async (status) => {
      const { caller, upstream } = bench();
      upstream.script({ status, body: 'no' });

      expect(await caller.one(upstream.url())).toMatchObject({
        outcome: { kind: 'response', status },
        response: { status, body: 'no' },
      });
    });

    test('joins headers that come several times, cookies too', async () => {
      const { caller, upstream } = bench();
      upstream.script({ headers: { 'Set-Cookie': ['a=1; Path=/', 'b=2'], 'X-Many': ['1', '2'] } });

      const report = await caller.one(upstream.url());

      expect(report.response?.headers).toMatchObject({
        'set-cookie': 'a=1; Path=/, b=2',
        'x-many': '1, 2',
      });
    });

    test('is cut at the bound, and the connection is let go', async () => {
      const { caller, upstream } = bench();
      upstream.script({ body: 'x'.repeat(100_000), fault: 'hang_after_headers' });

      const report = await caller.one(upstream.url(), { maxResponseBytes: 1_000 });

      expect(report.outcome).toMatchObject({ kind: 'response', status: 200 });
      expect(report.response).toMatchObject({ body: 'x'.repeat(1_000), truncated: true });
      await upstream.waitFor((requests) => requests[0]?.state === 'aborted', 2_000);
    });

    test('is whole when it is exactly as long as the bound', async () => {
      const { caller, upstream } = bench();
      upstream.script({ body: 'x'.repeat(1_000) });

      const report = await caller.one(upstream.url(), { maxResponseBytes: 1_000 });

      expect(report.response).toMatchObject({ body: 'x'.repeat(1_000), truncated: false });
    });

    test('stays text when the bound falls into the middle of a character', async () => {
      const { caller, upstream } = bench();
      upstream.script({ body: 'ab€€€' });

      const report = await caller.one(upstream.url(), { maxResponseBytes: 7 });

      expect(report.response).toMatchObject({
        body: 'ab€',
        bodyEncoding: 'utf8',
        truncated: true,
      });
    });

    test.each([[[0xff, 0xfe, 0x80]], [[0x61, 0x00, 0x62]]])(
      'is kept in base64 when it is not text: %j',
      async (bytes) => {
        const { caller, upstream } = bench();
        upstream.script({ body: Buffer.from(bytes) });

        const report = await caller.one(upstream.url());

        expect(report.response?.bodyEncoding).toBe('base64');
        expect([...Buffer.from(report.response?.body ?? '', 'base64')]).toEqual(bytes);
      },
    );

    const text = 'text that repeats '.repeat(50);
    test.each([
      ['gzip', gzipSync(text)],
      ['br', brotliCompressSync(text)],
      ['deflate', deflateSync(text)],
      ['deflate', deflateRawSync(text)],
    ])('is unpacked: %s', async (encoding, packed) => {
      const { caller, upstream } = bench();
      upstream.script({ headers: { 'content-encoding': encoding }, body: packed });

      const report = await caller.one(upstream.url());

      expect(report.response).toMatchObject({ body: text, truncated: false });
      expect(report.response?.headers).not.toHaveProperty('content-encoding');
      expect(report.response?.headers).not.toHaveProperty('content-length');
    });

    test('that unpacks to far more than the bound is cut there', async () => {
      const { caller, upstream } = bench();
      const bomb = gzipSync(Buffer.alloc(50_000_000, 'a'), { level: 9 });
      upstream.script({ headers: { 'content-encoding': 'gzip' }, body: bomb });

      const report = await caller.one(upstream.url(), { maxResponseBytes: 10_000 });

      expect(report.response).toMatchObject({ body: 'a'.repeat(10_000), truncated: true });
    });

    test('whose packing is broken is kept as far as it could be read', async () => {
      const { caller, upstream } = bench();
      const packed = gzipSync(text);
      upstream.script({
        headers: { 'content-encoding': 'gzip' },
        body: packed.subarray(0, packed.length - 12),
      });

      const report = await caller.one(upstream.url());

      expect(report.outcome).toMatchObject({ kind: 'response', status: 200 });
      expect(report.response?.truncated).toBe(true);
      expect(text.startsWith(report.response?.body ?? '-')).toBe(true);
    });

    test.each(['gzip', 'br', 'deflate'])(
      'that is not in the packing it is said to be in is kept as it came: %s',
      async (encoding) => {
        const { caller, upstream } = bench();
        // A second chunk comes after the first has failed to unpack.
        const body = '{"plain":"text"}'.repeat(10_000);
        upstream.script({ headers: { 'content-encoding': encoding }, body });

        const whole = await caller.one(upstream.url(), { maxResponseBytes: 1_000_000 });
        const cut = await caller.one(upstream.url(), { maxResponseBytes: 100_000 });

        expect(whole.outcome).toMatchObject({ kind: 'response', status: 200 });
        expect(whole.response?.truncated).toBe(false);
        expect(whole.response?.body === body).toBe(true);
        expect(whole.response?.headers['content-encoding']).toBe(encoding);
        expect(cut.response?.truncated).toBe(true);
        expect(cut.response?.body === body.slice(0, 100_000)).toBe(true);
      },
    );

    test('in a packing that we do not know is kept as it came', async () => {
      const { caller, upstream } = bench();
      upstream.script({ headers: { 'content-encoding': 'x-own' }, body: 'as it came' });

      const report = await caller.one(upstream.url());

      expect(report.response).toMatchObject({ body: 'as it came', truncated: false });
      expect(report.response?.headers['content-encoding']).toBe('x-own');
    });

    test('has every header that came, whatever it is called', async () => {
      const { caller, upstream } = bench();
      upstream.script({ headers: { ['__proto__']: 'one', constructor: 'two' } });

      const report = await caller.one(upstream.url());

      const headers = new Map(Object.entries(report.response?.headers ?? {}));
      expect([headers.get('__proto__'), headers.get('constructor')]).toEqual(['one', 'two']);
    });

    test.each([
      ['HEAD', 200],
      ['GET', 204],
      ['GET', 304],
    ])('without a body is complete at once: %s %i', async (method, status) => {
      const { caller, upstream } = bench();
      upstream.script({ status, headers: { 'content-encoding': 'gzip', etag: '"1"' } });

      const report = await caller.one(upstream.url(), { method });

      expect(report.outcome).toMatchObject({ kind: 'response', status });
      expect(report.response).toMatchObject({ body: '', bodyEncoding: 'utf8', truncated: false });
    });
  });
}
