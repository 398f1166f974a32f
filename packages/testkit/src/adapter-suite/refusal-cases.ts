import { expect } from 'vitest';
import {
  DUPLICATE,
  expectAnswer,
  expectRefusal,
  jsonOf,
  RECEIVED,
  type RunningSubject,
} from './adapter-bench.ts';
import type { AdapterCaseTest } from './adapter-case.ts';
import {
  deliver,
  deliveryText,
  oneConnection,
  SECRET,
  send,
  signedHeaders,
  type Answer,
} from './sending.ts';

const SIGNATURE = 'x-ezthrottle-signature';
const ANOTHER_SECRET = 'another secret altogether';

/** Who may deliver, and how. */
export const REFUSAL_CASES: readonly AdapterCaseTest[] = [
  {
    name: 'wrong-method',
    promise: 'any method but POST is refused with the one that is allowed',
    run: async ({ start }) => {
      const app = await start();
      for (const method of ['GET', 'PUT', 'PATCH', 'DELETE']) {
        const body = method === 'GET' ? {} : { body: deliveryText('1') };
        const headers = signedHeaders(deliveryText('1'));
        const answer = await send(app.url, { method, headers, ...body });
        expectRefusal(answer, 405, 'method_not_allowed');
        expect(answer.headers.allow).toBe('POST');
      }
      expect(await app.record()).toEqual({ handled: [], errors: [] });
    },
  },
  {
    name: 'head-and-options',
    promise: 'HEAD and OPTIONS are refused like any other method',
    run: async ({ start }) => {
      const app = await start();
      for (const method of ['HEAD', 'OPTIONS']) {
        const answer = await send(app.url, { method });
        expect(answer).toMatchObject({ status: 405, headers: { allow: 'POST' } });
        if (method === 'HEAD') expect(answer.text).toBe('');
      }
    },
  },
  {
    name: 'forged',
    promise: 'what was signed with another secret, or altered, is refused and never handled',
    run: async ({ start }) => {
      const app = await start();
      const text = deliveryText('1');
      expectRefusal(await deliver(app.url, text, { secret: ANOTHER_SECRET }), 401, 'unauthorized');
      const body = text.replace('success', 'failed ');
      expectRefusal(
        await send(app.url, { body, headers: signedHeaders(text) }),
        401,
        'unauthorized',
      );
      expect(await app.record()).toEqual({ handled: [], errors: [] });
    },
  },
  {
    name: 'stale',
    promise: 'a delivery that was signed long ago, or far ahead, is refused',
    run: async ({ start }) => {
      const app = await start();
      for (const ageSeconds of [400, -400]) {
        const answer = await deliver(app.url, deliveryText('1'), { ageSeconds });
        expectRefusal(answer, 401, 'unauthorized');
        expect(answer.text).toContain('timestamp_expired');
      }
      expect((await app.record()).handled).toEqual([]);
    },
  },
  {
    name: 'unsigned',
    promise: 'a delivery without a signature is refused',
    run: async ({ start }) => {
      const app = await start();
      const body = deliveryText('1');
      const headers = { 'content-type': 'application/json' };
      expectRefusal(await send(app.url, { body, headers }), 401, 'unauthorized');
      const blank = { ...headers, [SIGNATURE]: '' };
      expectRefusal(await send(app.url, { body, headers: blank }), 401, 'unauthorized');
      expect((await app.record()).handled).toEqual([]);
    },
  },
  {
    name: 'rotation',
    promise: 'both secrets are good during a rotation, and no other',
    run: async ({ start }) => {
      const older = 'the secret before this one';
      const app = await start({ secrets: [SECRET, older] });
      expectAnswer(await deliver(app.url, deliveryText('1')), 200, RECEIVED);
      expectAnswer(await deliver(app.url, deliveryText('2'), { secret: older }), 200, RECEIVED);
      const answer = await deliver(app.url, deliveryText('3'), { secret: ANOTHER_SECRET });
      expectRefusal(answer, 401, 'unauthorized');
    },
  },
  {
    name: 'several-signatures',
    promise: 'one good signature among several is enough, in one header or in two',
    run: async ({ start }) => {
      const app = await start();
      const signed = (body: string): readonly [wrong: string, right: string] => {
        const { [SIGNATURE]: right = '' } = signedHeaders(body);
        return [right.replace(/v1=.*/, `v1=${'0'.repeat(64)}`), right];
      };
      const one = deliveryText('1');
      const [wrong, right] = signed(one);
      const joined = `${wrong},${right.slice(right.indexOf('v1='))}`;
      const headers = { [SIGNATURE]: joined };
      expectAnswer(await send(app.url, { body: one, headers }), 200, RECEIVED);
      const two = deliveryText('2');
      const lines = { [SIGNATURE]: signed(two) };
      expectAnswer(await send(app.url, { body: two, headers: lines }), 200, RECEIVED);
      const neither = { [SIGNATURE]: [signed(two)[0], signed(two)[0]] };
      expectRefusal(await send(app.url, { body: two, headers: neither }), 401, 'unauthorized');
    },
  },
  {
    name: 'keep-alive',
    promise: 'the connection is as good after each refusal as before',
    run: async ({ start }) => {
      const app = await start({ maxBodyBytes: 10_000 });
      const agent = oneConnection();
      const answers: Answer[] = [];
      for (const request of requestsOfEveryKind(app)) answers.push(await request(agent));
      agent.destroy();
      expect(answers.map(({ status }) => status)).toEqual([
        200, 401, 405, 413, 413, 400, 400, 500, 200, 200,
      ]);
      expect(new Set(answers.map(({ port }) => port)).size).toBe(1);
    },
  },
  {
    name: 'answers',
    promise: 'every answer has the status, the headers and the body that are promised',
    run: async ({ start }) => {
      const app = await start({ maxBodyBytes: 10_000 });
      const bodies: unknown[] = [];
      for (const request of requestsOfEveryKind(app)) {
        const answer = await request();
        bodies.push(jsonOf(answer));
        expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
        expect(answer.headers['content-length']).toBe(String(Buffer.byteLength(answer.text)));
        expect(answer.headers).not.toHaveProperty('etag');
      }
      const message = expect.any(String);
      expect(bodies).toEqual([
        RECEIVED,
        { error: 'unauthorized', message },
        { error: 'method_not_allowed', message },
        { error: 'payload_too_large', message },
        { error: 'payload_too_large', message },
        { error: 'invalid_json', message },
        { error: 'validation_failed', message, problems: expect.any(Array) },
        { error: 'internal_error', message },
        RECEIVED,
        DUPLICATE,
      ]);
    },
  },
];

type Request = (agent?: ReturnType<typeof oneConnection>) => Promise<Answer>;

/** A request for each row of the receiver's table that needs no second one under way. */
function requestsOfEveryKind({ url }: RunningSubject): readonly Request[] {
  const on = (agent: Parameters<Request>[0]): object => (agent === undefined ? {} : { agent });
  const crash = deliveryText('crash', { metadata: { behaviour: 'crash_once' } });
  const pieces = Array.from({ length: 20 }, () => Buffer.alloc(1_000, 'x'));
  return [
    (agent) => deliver(url, deliveryText('1'), on(agent)),
    (agent) => deliver(url, deliveryText('2'), { ...on(agent), secret: ANOTHER_SECRET }),
    (agent) => send(url, { ...on(agent), method: 'PUT', body: deliveryText('3') }),
    (agent) => deliver(url, 'x'.repeat(20_000), on(agent)),
    (agent) => send(url, { ...on(agent), body: pieces, headers: signedHeaders('') }),
    (agent) => deliver(url, 'no JSON', on(agent)),
    (agent) => deliver(url, '{"status":"perhaps"}', on(agent)),
    (agent) => deliver(url, crash, on(agent)),
    (agent) => deliver(url, crash, on(agent)),
    (agent) => deliver(url, crash, on(agent)),
  ];
}
