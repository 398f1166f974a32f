import { expect } from 'vitest';
import { expectAnswer, expectRefusal, jsonOf, RECEIVED } from './adapter-bench.ts';
import type { AdapterCaseTest } from './adapter-case.ts';
import type { AdapterSubject, SubjectParser } from './adapter-subject.ts';
import { deliver, deliveryText, send, signedHeaders } from './sending.ts';

const JSON_TYPE = { 'content-type': 'application/json' };

/** The webhook as one part of an app. */
export const MOUNTING_CASES: readonly AdapterCaseTest[] = [
  {
    name: 'prefix',
    promise: 'the webhook may stand under a prefix, and then only there',
    run: async ({ start }) => {
      const app = await start({ prefix: '/api/v1' });
      expect(new URL(app.url).pathname).toBe('/api/v1/hook');
      expectAnswer(await deliver(app.url, deliveryText('1')), 200, RECEIVED);
      expectRefusal(await send(app.url, { method: 'GET' }), 405, 'method_not_allowed');
      const elsewhere = await deliver(app.url.replace('/api/v1', ''), deliveryText('2'));
      expect(elsewhere.status).toBe(404);
    },
  },
  {
    name: 'proxy',
    promise: 'a delivery that comes through a proxy is handled, whatever the proxy adds',
    run: async ({ start }) => {
      const app = await start();
      const body = deliveryText('1');
      const headers = {
        ...signedHeaders(body),
        forwarded: 'for=203.0.113.7;proto=https;host=hooks.example.com',
        host: 'hooks.example.com',
        via: '1.1 proxy',
        'x-forwarded-for': '203.0.113.7, 10.0.0.1',
        'x-forwarded-host': 'hooks.example.com',
        'x-forwarded-prefix': '/elsewhere',
        'x-forwarded-proto': 'https',
        'x-http-method-override': 'DELETE',
        'x-original-url': '/elsewhere',
      };
      expectAnswer(await send(`${app.url}?from=proxy`, { body, headers }), 200, RECEIVED);
    },
  },
  {
    name: 'other-routes',
    promise: 'other routes keep their own JSON parser',
    run: async ({ start }) => {
      const app = await start();
      for (const id of ['1', '2']) {
        const echo = await send(app.echoUrl, { body: `{ "order": "${id}" }`, headers: JSON_TYPE });
        expect(jsonOf(echo)).toEqual({ order: id });
        expectAnswer(await deliver(app.url, deliveryText(id)), 200, RECEIVED);
      }
    },
  },
];

/** One case for each parser that this platform has. */
export function parserCasesOf({ parsers = {} }: AdapterSubject): readonly AdapterCaseTest[] {
  return Object.entries(parsers).map(([parser, { contentType, says }]) => ({
    name: 'parser',
    ...(says === null ? harmless(parser, contentType) : mistaken(parser, contentType, says)),
  }));
}

function harmless(parser: string, contentType: string): Omit<AdapterCaseTest, 'name'> {
  return {
    promise: `${parser} before the webhook leaves the bytes, so that the delivery is handled`,
    run: async ({ start }) => {
      const app = await start({ parser, maxBodyBytes: 10_000 });
      expectAnswer(await deliver(app.url, deliveryText('1'), { contentType }), 200, RECEIVED);
      const large = deliveryText('2', { note: 'x'.repeat(20_000) });
      const answer = await deliver(app.url, large, { contentType });
      expectRefusal(answer, 413, 'payload_too_large');
      const secret = 'another secret altogether';
      const forged = await deliver(app.url, deliveryText('3'), { contentType, secret });
      expectRefusal(forged, 401, 'unauthorized');
    },
  };
}

function mistaken(
  parser: string,
  contentType: string,
  says: NonNullable<SubjectParser['says']>,
): Omit<AdapterCaseTest, 'name'> {
  return {
    promise: `${parser} before the webhook is named as the mistake, with the way out`,
    run: async ({ start }) => {
      const app = await start({ parser });
      const body = deliveryText('1');
      expectRefusal(await deliver(app.url, body, { contentType }), 500, 'internal_error');
      // Signed over what a parser would write again: who verifies that takes other bytes for signed.
      const headers = signedHeaders(JSON.stringify(JSON.parse(body)), { contentType });
      expectRefusal(await send(app.url, { body, headers }), 500, 'internal_error');
      const { handled, errors } = await app.record();
      expect(handled).toEqual([]);
      expect(errors.map(({ code }) => code)).toEqual([
        'body_already_parsed',
        'body_already_parsed',
      ]);
      for (const pattern of says) expect(errors[0]?.message).toMatch(pattern);
    },
  };
}
