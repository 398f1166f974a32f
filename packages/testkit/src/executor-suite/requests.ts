import { describe, expect, test } from 'vitest';
import type { ExecutorBench } from './executor-suite.ts';

/** How a call goes out. */
export function describeRequests(bench: () => ExecutorBench): void {
  describe('a request', () => {
    test('goes out with its method, path, headers and body', async () => {
      const { caller, upstream } = bench();

      await caller.one(upstream.url('/a%20b?x=1&y=%2F#part'), {
        method: 'POST',
        headers: { 'Content-Type': 'text/plain', 'X-Colour': 'red', 'User-Agent': 'mine' },
        body: { encoding: 'utf8', data: 'grüße' },
      });

      const [request] = upstream.requests;
      expect(request).toMatchObject({ method: 'POST', path: '/a%20b?x=1&y=%2F', body: 'grüße' });
      expect(request?.headers).toMatchObject({
        'content-type': 'text/plain',
        'x-colour': 'red',
        'user-agent': 'mine',
        'content-length': '7',
      });
    });

    test.each(['GET', 'DELETE', 'OPTIONS', 'PUT', 'PATCH', 'QUERY'])(
      'carries its body with any method: %s',
      async (method) => {
        const { caller, upstream } = bench();

        const report = await caller.one(upstream.url(), {
          method,
          body: { encoding: 'utf8', data: 'given' },
        });

        expect(report.outcome).toMatchObject({ kind: 'response', status: 200 });
        expect(upstream.requests).toMatchObject([{ method, body: 'given' }]);
      },
    );

    test('carries the bytes that its base64 body stands for', async () => {
      const { caller, upstream } = bench();
      const bytes = Buffer.from([0, 255, 128, 10, 13, 0]);

      await caller.one(upstream.url(), {
        method: 'PUT',
        body: { encoding: 'base64', data: bytes.toString('base64') },
      });

      expect(upstream.requests[0]?.bodyBytes).toEqual(bytes);
    });

    test('states its own host and length, whatever the user put there', async () => {
      const { caller, upstream } = bench();

      await caller.one(upstream.url(), {
        method: 'POST',
        headers: {
          Host: 'elsewhere.example',
          'content-length': '3',
          'Transfer-Encoding': 'chunked',
          Connection: 'close',
          Expect: '100-continue',
        },
        body: { encoding: 'utf8', data: 'twelve bytes' },
      });

      const [request] = upstream.requests;
      expect(request?.body).toBe('twelve bytes');
      expect(request?.headers).toMatchObject({
        host: `127.0.0.1:${upstream.port}`,
        'content-length': '12',
      });
      expect(request?.headers).not.toHaveProperty('transfer-encoding');
      expect(request?.headers).not.toHaveProperty('expect');
    });

    test.each([
      ['ftp://127.0.0.1/', {}, 'invalid_url'],
      ['not an address', {}, 'invalid_url'],
      ['http://user:secret@127.0.0.1/', {}, 'invalid_url'],
      ['http://127.0.0.1/', { method: 'CONNECT' }, 'invalid_method'],
      ['http://127.0.0.1/', { method: 'GE T' }, 'invalid_method'],
      ['http://127.0.0.1/', { headers: { 'bad name': 'x' } }, 'invalid_header'],
      ['http://127.0.0.1/', { headers: { 'x-a': 'secret\r\nx-b: 1' } }, 'invalid_header'],
      ['http://127.0.0.1/', { headers: { 'x-a': 'secret \u2603' } }, 'invalid_header'],
    ])('is refused when it cannot be sent as it is: %s %j', async (url, changes, code) => {
      const { caller } = bench();

      const report = await caller.one(url, changes);

      expect(report.outcome).toMatchObject({ kind: 'refused', code });
      expect(JSON.stringify(report)).not.toContain('secret');
    });

    test('does not follow redirects', async () => {
      const { caller, upstream } = bench();
      upstream.route('/from', { status: 302, headers: { location: '/to' }, body: 'moved' });

      const report = await caller.one(upstream.url('/from'));

      expect(report.outcome).toMatchObject({ status: 302, headers: { location: '/to' } });
      expect(report.response).toMatchObject({ status: 302, body: 'moved' });
      expect(upstream.requests).toHaveLength(1);
    });
  });
}
