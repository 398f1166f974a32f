import { expect } from 'vitest';
import type { AdapterCaseTest } from './adapter-case.ts';
import { expectAnswer, expectRefusal } from './adapter-bench.ts';
import { deliver, deliveryText, send, signedHeaders } from './sending.ts';

const RECEIVED = { status: 'received' };

export const BODY_CASES: readonly AdapterCaseTest[] = [
  {
    name: 'json',
    promise: 'a signed delivery is handled, byte for byte as it was sent',
    async run({ start }) {
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
    async run({ start }) {
      const app = await start();
      const note = 'héllo ✓ 日本語 𝒳 🚦\u2028\u0000';
      expectAnswer(await deliver(app.url, deliveryText('1', { note })), 200, RECEIVED);
      expect((await app.record()).handled).toMatchObject([{ note }]);
    },
  },
  {
    name: 'chunked',
    promise: 'a delivery of unknown length, in pieces that split characters, is handled',
    async run({ start }) {
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
    async run({ start }) {
      const app = await start();
      expectRefusal(await send(app.url), 401, 'unauthorized');
      expectRefusal(await deliver(app.url, ''), 400, 'invalid_json');
      const length = { 'content-length': '0' };
      expectRefusal(await send(app.url, { headers: length }), 401, 'unauthorized');
    },
  },
];
