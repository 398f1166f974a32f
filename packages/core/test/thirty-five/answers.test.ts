// What the SDKs before this one did wrong or differently, and what holds here: one test each. These
// are about what comes back: answers, errors, deliveries.

import { afterEach, beforeEach, expect, it } from 'vitest';
import { RateLimitError, tryVerifyWithSecrets, verifyWebhookSignature } from '@ezthrottle/core';
import { signWebhook } from '@ezthrottle/core/protocol';
import { decodeDelivery } from '@ezthrottle/core/webhooks';
import { createContext, createWorld, deliveryOf, errorOf, HOOK, type World } from './world.ts';

let world: World;

beforeEach(async () => {
  world = await createWorld();
});

afterEach(() => world[Symbol.asyncDispose]());

it('row 24: when to come back is read from wherever a 429 says it, and the body’s instant wins', async () => {
  const client = world.client({ runtime: { now: () => 1_000_000 } });
  const retryAtOf = async (body: object, header?: string): Promise<unknown> => {
    const headers = header === undefined ? {} : { 'retry-after': header };
    world.server.answer = () => ({ status: 429, body, headers });
    const error = await errorOf(() => client.jobs.get('x'));
    return error instanceof RateLimitError ? error.retryAt : error;
  };
  expect(await retryAtOf({ retry_at: 1_234_567, retry_after: 9 }, '5')).toBe(1_234_567);
  expect(await retryAtOf({ retry_after: 9 }, '5')).toBe(1_005_000);
  expect(await retryAtOf({}, 'Thu, 01 Jan 1970 01:00:00 GMT')).toBe(3_600_000);
  expect(await retryAtOf({ status: 'denied', retry_after: 3_600 })).toBe(4_600_000);
  expect(await retryAtOf({})).toBeNull();
});

it('row 25: a refused secret is an error, and rotating is one step on the server that keeps the old', async () => {
  const client = world.client();
  world.server.answer = () => ({ status: 400, body: { error: 'validation_failed' } });
  const secret = 'long enough a secret';
  expect(await errorOf(() => client.createWebhookSecret(secret))).toMatchObject({ status: 400 });
  expect(await errorOf(() => client.deleteWebhookSecret())).toMatchObject({ status: 400 });
  world.server.answer = () => ({ status: 200, body: { status: 'ok' } });
  expect(await client.rotateWebhookSecret(secret)).toEqual({ status: 'ok' });
  const last = world.server.seen.at(-1);
  expect([last?.path, last?.text]).toEqual([
    '/api/v1/webhook-secrets/rotate',
    JSON.stringify({ new_secret: secret }),
  ]);
});

it('row 26: queueAndWait comes back with the job when it has ended', async () => {
  const { server } = world;
  const { answer } = server;
  server.answer = (request) => {
    if (request.method === 'POST') return answer(request);
    if (request.path.endsWith('/stream')) {
      const headers = { 'content-type': 'text/event-stream' };
      return { status: 200, headers, body: 'event: completed\ndata: {}\n\n' };
    }
    const looks = server.seen.filter(({ path }) => path === '/api/v1/jobs/job-1').length;
    return { status: 200, body: { job_id: 'job-1', status: looks < 2 ? 'queued' : 'success' } };
  };
  const job = await world.client().queueAndWait({ url: 'https://api.example/', timeout: 10_000 });
  expect(job).toMatchObject({ job_id: 'job-1', status: 'success' });
});

it('row 27: a submit ends in time or when it is told to, and prints nothing', async () => {
  const printed: unknown[] = [];
  const { log } = console;
  console.log = (...args: unknown[]) => void printed.push(args);
  try {
    await world.client().submitJob({ url: 'https://api.example/', idempotentKey: 'secret-key' });
  } finally {
    console.log = log;
  }
  expect(printed).toEqual([]);
  world.server.answer = () => ({ status: 200, hang: true });
  const job = { url: 'https://api.example/' };
  const late = await errorOf(() => world.client({ timeout: 20 }).submitJob(job));
  expect(late).toMatchObject({ code: 'timeout' });
  const signal = AbortSignal.timeout(20);
  expect(await errorOf(() => world.client().submitJob(job, { signal }))).toBe(signal.reason);
});

it('row 29: signatures: raw bytes, whole seconds, spaces and several v1 are fine, reasons are known words', () => {
  const secret = 'a secret of some length';
  const now = { now: () => 1_000_000 };
  const body = Uint8Array.of(0xff, 0xfe, 0x00);
  const header = signWebhook({ body, secret, timestampSeconds: 1_000 });
  const [, v1 = ''] = header.split(',');
  const reasonOf = (value: string): string =>
    verifyWebhookSignature(body, value, secret, now).reason;
  expect(reasonOf(header)).toBe('valid');
  expect(reasonOf(header.replace(',', ', '))).toBe('valid');
  expect(reasonOf(`t=1000,v1=${'0'.repeat(64)},${v1}`)).toBe('valid');
  expect(reasonOf(`t=abc,${v1}`)).not.toBe('valid');
  expect(reasonOf(v1)).not.toBe('valid');
  expect(reasonOf('t=1000,v1=00')).toBe('signature_mismatch');
  expect(reasonOf('t=1000')).toBe('missing_v1_signature');
  expect(reasonOf('')).toBe('no_signature_header');
  const late = signWebhook({ body, secret, timestampSeconds: 100 });
  expect(reasonOf(late)).toBe('timestamp_expired (diff=900s, tolerance=300s)');
  const stale = tryVerifyWithSecrets(body, late, secret, 'the second', now);
  expect(stale.reason).toMatch(/^both_secrets_failed \(primary: timestamp_expired/);
});

it.each(['success', 'completed'])(
  'row 35: what follows a success runs whichever word the server has for it: %s',
  async (status) => {
    const child = world.step('child200').type('frugal');
    await world
      .step('job')
      .webhooks([{ url: HOOK }])
      .onSuccess(child)
      .execute();
    const [sent = {}] = world.jobs();
    const delivery = deliveryOf(sent, status);
    expect(delivery.status).toBe('success');
    await world.client().continuations().run(delivery, createContext());
    expect(world.calls()).toEqual(['child200']);
    expect(decodeDelivery({ job_id: 'j', status: 'failed', reason: 'gone' })).toMatchObject({
      ok: true,
      delivery: { status: 'failed', error: 'gone' },
    });
  },
);
