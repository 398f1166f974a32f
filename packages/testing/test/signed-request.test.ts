import {
  createReceiver,
  ezthrottleSignature,
  l8Signature,
  standardWebhooks,
  standardWebhooksEd25519,
  type Receiver,
  type ReceiverOptions,
  type SignatureScheme,
} from '@ezthrottle/core/webhooks';
import { nodeListener } from '@ezthrottle/core/node';
import {
  createTestServer,
  signedRequest,
  TEST_KEYS,
  type SigningScheme,
} from '@ezthrottle/testing';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import supertest from 'supertest';
import { describe, expect, test } from 'vitest';

const secret = createTestServer().signingSecret;
const { publicKey } = TEST_KEYS;

interface Watched {
  readonly receiver: Receiver;
  readonly jobs: string[];
}

function watched(options: Partial<ReceiverOptions> = {}): Watched {
  const jobs: string[] = [];
  const receiver = createReceiver({
    secrets: secret,
    on: { any: ({ jobId }) => void jobs.push(jobId) },
    ...options,
  });
  return { receiver, jobs };
}

describe('a signed request', () => {
  test('is taken by a receiver, each one anew', async () => {
    const seen: string[] = [];
    const { receiver } = watched();
    receiver.onAny(({ status, tags }) => void seen.push(`${status} ${tags.join()}`));
    const ok = await receiver.handle(signedRequest({ tags: ['billing'] }).toRequest());
    const failed = await receiver.handle(signedRequest({ status: 'failed' }).toRequest());
    expect([ok.status, failed.status]).toEqual([200, 200]);
    expect(seen).toEqual(['success billing', 'failed ']);
  });

  test('can be sent again as it is', async () => {
    const { receiver } = watched();
    const signed = signedRequest();
    expect(await (await receiver.handle(signed.toRequest())).json()).toEqual({
      status: 'received',
    });
    expect(await (await receiver.handle(signed.toRequest())).json()).toEqual({
      status: 'duplicate',
    });
  });

  test('is refused under another secret, when it is too old, and when it is not signed', async () => {
    const ours = 'the secret of the application';
    const { receiver } = watched({ secrets: ours });
    const statusOf = async (options: Parameters<typeof signedRequest>[0]): Promise<number> =>
      (await receiver.handle(signedRequest(options).toRequest())).status;
    expect(await statusOf({})).toBe(401);
    expect(await statusOf({ secret: ours })).toBe(200);
    expect(await statusOf({ secret: ours, signedAt: Date.now() - 3_600_000 })).toBe(401);
    expect(await statusOf({ secret: ours, schemes: [] })).toBe(401);
  });

  test('may say anything', async () => {
    const { receiver, jobs } = watched();
    const selfHosted = signedRequest({ body: '{"job_id":"local","status":"completed"}' });
    expect((await receiver.handle(selfHosted.toRequest())).status).toBe(200);
    expect((await receiver.handle(signedRequest({ body: 'no JSON' }).toRequest())).status).toBe(
      400,
    );
    expect(jobs).toEqual(['local']);
  });

  test.each<[SigningScheme, SignatureScheme]>([
    ['ezthrottle', ezthrottleSignature()],
    ['standard-webhooks', standardWebhooks()],
    ['standard-webhooks-ed25519', standardWebhooksEd25519({ publicKeys: publicKey })],
    ['l8', l8Signature({ publicKeys: publicKey })],
  ])('is signed in the way that is asked for, and in no other: %s', async (name, scheme) => {
    const { receiver } = watched({ schemes: [scheme] });
    const others = (
      ['ezthrottle', 'standard-webhooks', 'standard-webhooks-ed25519', 'l8'] as const
    ).filter((other) => other !== name);
    const statusOf = async (schemes: readonly SigningScheme[]): Promise<number> =>
      (await receiver.handle(signedRequest({ schemes }).toRequest())).status;
    expect(await statusOf([name])).toBe(200);
    expect(await statusOf(others)).toBe(401);
    expect(await statusOf([name, ...others])).toBe(200);
  });

  test('is not signed with what is no key', () => {
    const schemes = ['l8'] as const;
    expect(() => signedRequest({ schemes, privateKey: 'short' })).toThrow(RangeError);
    expect(() => signedRequest({ secret: '' })).toThrow(RangeError);
  });
});

describe('a signed request is sent', () => {
  const signed = signedRequest({ url: '/hooks/ezthrottle?from=test', tags: ['ü✓'] });
  const jobs = [signed.delivery.job_id];

  test('by supertest', async () => {
    const ours = watched();
    const app = express().post('/hooks/ezthrottle', nodeListener(ours.receiver));
    const { url, headers, body } = signed;
    const answer = await supertest(app).post(url).set(headers).send(body);
    expect([answer.status, answer.body]).toEqual([200, { status: 'received' }]);
    expect(ours.jobs).toEqual(jobs);
  });

  test("by Fastify's inject", async () => {
    const ours = watched();
    const app = fastify();
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) =>
      done(null, body),
    );
    app.post<{ Body: Buffer }>('/hooks/ezthrottle', async (request, reply) => {
      const answer = await ours.receiver.receive({
        method: request.method,
        header: (name) => String(request.headers[name.toLowerCase()] ?? ''),
        body: request.body,
      });
      return reply.code(answer.status).headers(answer.headers).send(answer.body);
    });
    const answer = await app.inject(signed);
    expect([answer.statusCode, answer.json()]).toEqual([200, { status: 'received' }]);
    expect(ours.jobs).toEqual(jobs);
  });

  test("by Hono's request", async () => {
    const ours = watched();
    const app = new Hono().post('/hooks/ezthrottle', ({ req }) => ours.receiver.handle(req.raw));
    const byPath = await app.request(signed.url, signed);
    expect([byPath.status, await byPath.json()]).toEqual([200, { status: 'received' }]);
    const asRequest = await app.request(signed.toRequest());
    expect(await asRequest.json()).toEqual({ status: 'duplicate' });
    expect(ours.jobs).toEqual(jobs);
  });
});
