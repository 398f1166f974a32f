import { gzipSync } from 'node:zlib';
import { expect } from 'vitest';
import { expectAnswer, expectRefusal, RECEIVED } from './adapter-bench.ts';
import type { AdapterCaseTest } from './adapter-case.ts';
import {
  answerOf,
  deliver,
  deliveryText,
  open,
  send,
  signedHeaders,
  type Answer,
} from './sending.ts';

const LIMIT = { maxBodyBytes: 10_000 };

/** Bodies that are whole, whatever they hold. */
export const BODY_CASES: readonly AdapterCaseTest[] = [
  {
    name: 'json',
    promise: 'a signed delivery is handled, byte for byte as it was sent',
    run: async ({ start }) => {
      const app = await start();
      expectAnswer(await deliver(app.url, deliveryText('1')), 200, RECEIVED);
      const { handled, errors } = await app.record();
      expect(handled).toMatchObject([{ deliveryId: '1', jobId: 'job of 1' }]);
      expect(errors).toEqual([]);
    },
  },
  {
    name: 'unicode',
    promise: 'a delivery in any script is handled',
    run: async ({ start }) => {
      const app = await start();
      const note = 'héllo ✓ 日本語 𝒳 🚦\u2028\u0000';
      expectAnswer(await deliver(app.url, deliveryText('1', { note })), 200, RECEIVED);
      expect((await app.record()).handled).toMatchObject([{ note }]);
    },
  },
  {
    name: 'gzip',
    promise: 'a delivery that was compressed on its way is verified over what was compressed',
    run: async ({ start }) => {
      const app = await start(LIMIT);
      const text = deliveryText('1');
      const headers = { ...signedHeaders(text), 'content-encoding': 'gzip' };
      const forged = { ...headers, 'x-ezthrottle-signature': 't=1,v1=00' };
      const large = gzipSync(Buffer.alloc(1_000_000, ' '));
      const body = gzipSync(text);
      expectRefusal(await send(app.url, { body, headers: forged }), 401, 'unauthorized');
      expectRefusal(await send(app.url, { body: large, headers }), 413, 'payload_too_large');
      expectRefusal(await send(app.url, { body: text, headers }), 400, 'validation_failed');
      const cut = body.subarray(0, -9);
      expectRefusal(await send(app.url, { body: cut, headers }), 400, 'validation_failed');
      expectAnswer(await send(app.url, { body, headers }), 200, RECEIVED);
      expect(await app.record()).toMatchObject({ handled: [{ deliveryId: '1' }], errors: [] });
    },
  },
  {
    name: 'chunked',
    promise: 'a delivery of unknown length, in pieces that split characters, is handled',
    run: async ({ start }) => {
      const app = await start();
      const bytes = Buffer.from(deliveryText('1', { note: '✓✓✓' }));
      const pieces = Array.from(bytes, (_byte, at) => bytes.subarray(at, at + 1));
      const headers = signedHeaders(bytes);
      expectAnswer(await send(app.url, { body: pieces, headers }), 200, RECEIVED);
      expect((await app.record()).handled).toMatchObject([{ note: '✓✓✓' }]);
    },
  },
  {
    name: 'empty',
    promise: 'an empty body is no delivery: unsigned it is refused, signed it is no JSON',
    run: async ({ start }) => {
      const app = await start();
      expectRefusal(await send(app.url), 401, 'unauthorized');
      expectRefusal(await send(app.url, { headers: signedHeaders('') }), 400, 'invalid_json');
      expectRefusal(await deliver(app.url, ''), 400, 'invalid_json');
    },
  },
  {
    name: 'binary',
    promise: 'bytes that are no text are verified as they are, and are no delivery',
    run: async ({ start }) => {
      const app = await start();
      const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);
      const contentType = 'application/octet-stream';
      expectRefusal(await deliver(app.url, bytes, { contentType }), 400, 'invalid_json');
      const altered = { body: bytes.toReversed(), headers: signedHeaders(bytes, { contentType }) };
      expectRefusal(await send(app.url, altered), 401, 'unauthorized');
      expect(await app.record()).toEqual({ handled: [], errors: [] });
    },
  },
  {
    name: 'megabyte',
    promise: 'a delivery of more than 1 MiB is handled',
    run: async ({ start }) => {
      const app = await start();
      const note = '0123456789abcdé/'.repeat(65_536);
      expectAnswer(await deliver(app.url, deliveryText('1', { note })), 200, RECEIVED);
      expect((await app.record()).handled).toMatchObject([{ note }]);
    },
  },
  {
    name: 'any-content-type',
    promise: 'a delivery is handled whatever its content type says',
    run: async ({ start }) => {
      const app = await start();
      const types = [
        'application/json; charset=utf-8',
        'application/vnd.api+json',
        'application/octet-stream',
        'application/x-www-form-urlencoded',
        'multipart/form-data; boundary=none',
        'text/plain',
      ];
      for (const contentType of types) {
        const answer = await deliver(app.url, deliveryText(contentType), { contentType });
        expectAnswer(answer, 200, RECEIVED);
      }
      const body = deliveryText('without');
      const { 'x-ezthrottle-signature': signature = '' } = signedHeaders(body);
      const headers = { 'x-ezthrottle-signature': signature };
      expectAnswer(await send(app.url, { body, headers }), 200, RECEIVED);
    },
  },
];

/** Of a platform that takes a body as a whole before anybody can refuse it. */
function refuseOnceWhole(
  deliverText: (url: string, text: string) => Promise<Answer>,
): NonNullable<AdapterCaseTest['otherwise']> {
  return async ({ start }) => {
    const app = await start(LIMIT);
    const note = 'x'.repeat(20_000);
    const answer = await deliverText(app.url, deliveryText('1', { note }));
    expectRefusal(answer, 413, 'payload_too_large');
    expectAnswer(await deliverText(app.url, deliveryText('2')), 200, RECEIVED);
    expect(await app.record()).toMatchObject({ handled: [{ deliveryId: '2' }], errors: [] });
  };
}

/** Bodies that are too long, late, or never whole. */
export const UNREAD_CASES: readonly AdapterCaseTest[] = [
  {
    name: 'announced-too-large',
    promise: 'a body that says it is too large is refused before it has come',
    run: async ({ start }) => {
      const app = await start(LIMIT);
      const headers = { ...signedHeaders(''), 'content-length': '50000000' };
      const request = open(app.url, { headers });
      const answer = answerOf(request);
      request.write('a beginning');
      expectRefusal(await answer, 413, 'payload_too_large');
      request.destroy();
      expectAnswer(await deliver(app.url, deliveryText('1')), 200, RECEIVED);
      expect((await app.record()).errors).toEqual([]);
    },
    otherwise: refuseOnceWhole((url, text) => deliver(url, text)),
  },
  {
    name: 'turns-out-too-large',
    promise: 'a body that turns out too large is refused before its end',
    run: async ({ start }) => {
      const app = await start(LIMIT);
      const request = open(app.url, { headers: signedHeaders('') });
      const answer = answerOf(request);
      for (let piece = 0; piece < 11; piece += 1) request.write(Buffer.alloc(1_000, 'x'));
      expectRefusal(await answer, 413, 'payload_too_large');
      request.destroy();
      const note = 'x'.repeat(9_000);
      expectAnswer(await deliver(app.url, deliveryText('1', { note })), 200, RECEIVED);
      expect((await app.record()).errors).toEqual([]);
    },
    otherwise: refuseOnceWhole((url, text) => {
      const bytes = Buffer.from(text);
      const body = [bytes.subarray(0, 9_000), bytes.subarray(9_000)];
      return send(url, { body, headers: signedHeaders(text) });
    }),
  },
  {
    name: 'far-too-large',
    promise: 'a sender who is in the middle of a body that is far too large hears that it is',
    run: async ({ start }) => {
      const app = await start(LIMIT);
      const large = Buffer.alloc(9_000_000, 'x');
      for (const body of [large, [large.subarray(0, 4_000_000), large.subarray(4_000_000)]]) {
        const answer = await send(app.url, { body, headers: signedHeaders('') });
        expectRefusal(answer, 413, 'payload_too_large');
      }
      expectAnswer(await deliver(app.url, deliveryText('1')), 200, RECEIVED);
    },
  },
  {
    name: 'slow-body',
    promise: 'a delivery that comes slowly is waited for, and holds up no other',
    run: async ({ start }) => {
      const app = await start();
      const text = deliveryText('slow');
      const request = open(app.url, { headers: signedHeaders(text) });
      const answer = answerOf(request);
      request.write(text.slice(0, 10));
      expectAnswer(await deliver(app.url, deliveryText('quick')), 200, RECEIVED);
      request.end(text.slice(10));
      expectAnswer(await answer, 200, RECEIVED);
      const { handled } = await app.record();
      expect(handled.map(({ deliveryId }) => deliveryId)).toEqual(['quick', 'slow']);
    },
  },
  {
    name: 'aborted-body',
    promise: 'a sender that hangs up in the middle leaves no trace',
    run: async ({ start }) => {
      const app = await start();
      const text = deliveryText('cut off');
      for (const length of [String(text.length), null]) {
        const headers = { ...signedHeaders(text), ...(length && { 'content-length': length }) };
        const request = open(app.url, { headers });
        const closed = new Promise((resolve) => {
          request.on('error', () => undefined).once('close', resolve);
        });
        request.write(text.slice(0, 10));
        expectAnswer(await deliver(app.url, deliveryText(`beside ${length}`)), 200, RECEIVED);
        request.destroy();
        await closed;
      }
      expectAnswer(await deliver(app.url, deliveryText('after')), 200, RECEIVED);
      const { handled, errors } = await app.record();
      expect(handled).toHaveLength(3);
      expect(errors).toEqual([]);
    },
  },
];
