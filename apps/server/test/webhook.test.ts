import { createHmac } from 'node:crypto';
import { createUpstream, type RecordedRequest, type Upstream } from '@ezthrottle/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunningServer, startServer, textOf, until } from './running-server.ts';

let server: RunningServer;
let target: Upstream;
let receiver: Upstream;

beforeAll(async () => {
  target = await createUpstream({ status: 200, body: 'charged' });
  receiver = await createUpstream();
  server = await startServer({ rate: [`${target.origin}=1000`], 'delivery-delays': '0s,50ms' });
});

afterAll(async () => {
  await server.close();
  await target.close();
  await receiver.close();
});

/** The signature worked out anew from what arrived, by the letter of the contract. */
function expectSigned(request: RecordedRequest | undefined, secret: string): void {
  const signature = request?.headers['x-ezthrottle-signature'] ?? '';
  const [, t = '', v1 = ''] = /^t=(\d+),v1=([\da-f]{64})$/.exec(signature) ?? [];
  const mac = createHmac('sha256', secret).update(`${t}.${request?.body ?? ''}`);
  expect(v1).toBe(mac.digest('hex'));
  expect(Math.abs(Date.now() / 1_000 - Number(t))).toBeLessThan(60);
}

test('a job’s result arrives signed, and again until the receiver accepts it', async () => {
  receiver.route('/result', [{ status: 500 }, { status: 200 }]);
  const reply = await server.call('POST', '/api/v1/jobs', {
    url: target.url('/charge'),
    method: 'POST',
    body: '{"amount":1}',
    metadata: { order: 'ü-7' },
    idempotent_key: 'order-7',
    webhooks: [{ url: receiver.url('/result') }],
  });
  expect(reply.status).toBe(201);
  const id = textOf(reply.json['job_id']);
  const deliveries = await receiver.waitFor(2);
  for (const [index, delivery] of deliveries.entries()) {
    expectSigned(delivery, server.signingSecret);
    expect(JSON.parse(delivery.body)).toMatchObject({
      job_id: id,
      idempotent_key: 'order-7',
      status: 'success',
      response: { status_code: 200, body: 'charged' },
      metadata: { order: 'ü-7' },
      attempt: index + 1,
    });
  }
  const job = await until(
    async () => (await server.call('GET', `/api/v1/jobs/${id}`)).json,
    ({ quorum_reached_at: at }) => at !== null,
  );
  expect(job).toMatchObject({
    status: 'success',
    deliveries: [{ state: 'delivered', attempts: 2, status_code: 200, has_quorum_vote: true }],
  });
  expect(target.requests).toHaveLength(1);
  expect(target.requests[0]?.headers['x-ezthrottle-job-id']).toBe(id);
});

test('metadata arrives as it was given, whatever its keys are called', async () => {
  receiver.clear();
  const metadata = '{"__proto__":{"a":1},"constructor":{"prototype":{"b":[{"__proto__":null}]}}}';
  await server.call(
    'POST',
    '/api/v1/jobs',
    `{"url":"${target.url('/keys')}","metadata":${metadata},` +
      `"webhooks":[{"url":"${receiver.url('/keys')}"}]}`,
  );
  const [delivery] = await receiver.waitFor(1);
  expectSigned(delivery, server.signingSecret);
  expect(delivery?.body).toContain(`"metadata":${metadata}`);
});

test('a secret that is rotated signs from then on', async () => {
  const secret = 'the-next-secret-of-ours';
  await server.call('POST', '/api/v1/webhook-secrets/rotate', { new_secret: secret });
  receiver.clear();
  await server.call('POST', '/api/v1/jobs', {
    url: target.url('/rotated'),
    webhooks: [{ url: receiver.url('/rotated') }],
  });
  const [delivery] = await receiver.waitFor(1);
  expectSigned(delivery, secret);
});
