import { createReceiver } from '@ezthrottle/core/webhooks';
import {
  assertCalled,
  assertDelivered,
  createTestServer,
  matchers,
  signedDelivery,
  signedRequest,
  type TestingMatchers,
} from '@ezthrottle/testing';
import { describe, expect, test } from 'vitest';

declare module 'vitest' {
  // oxlint-disable-next-line no-unused-vars -- the parameter is vitest's.
  interface Matchers<T> extends TestingMatchers<void> {}
}

expect.extend(matchers);

describe('a signed request', () => {
  test('is taken by a receiver, each one anew', async () => {
    const seen: string[] = [];
    const receiver = createReceiver({ secrets: createTestServer().signingSecret });
    receiver.onAny(({ status, tags }) => void seen.push(`${status} ${tags.join()}`));
    const ok = await receiver.handle(signedRequest({ tags: ['billing'] }));
    const failed = await receiver.handle(signedRequest({ status: 'failed' }));
    expect([ok.status, failed.status]).toEqual([200, 200]);
    expect(seen).toEqual(['success billing', 'failed ']);
  });

  test('is refused under another secret, or when it is too old', async () => {
    const receiver = createReceiver({ secrets: 'the secret of the application' });
    const statusOf = async (request: Request): Promise<number> =>
      (await receiver.handle(request)).status;
    expect(await statusOf(signedRequest())).toBe(401);
    const secret = 'the secret of the application';
    expect(await statusOf(signedRequest({ secret }))).toBe(200);
    expect(await statusOf(signedRequest({ secret, signedAt: Date.now() - 3_600_000 }))).toBe(401);
  });

  test('comes in parts for tools that inject requests', async () => {
    const { method, headers, body, payload } = signedDelivery({ job_id: 'job-1' });
    const receiver = createReceiver({ secrets: createTestServer().signingSecret });
    const answer = await receiver.receive({
      method,
      header: (name) => headers[name.toLowerCase()],
      body: new TextEncoder().encode(body),
    });
    expect(answer.status).toBe(200);
    expect(payload).toMatchObject({ job_id: 'job-1', status: 'success' });
  });
});

describe('matchers', () => {
  test('find what was called and delivered, and list what there was when it was not', async () => {
    const server = createTestServer();
    const upstream = server.upstream('https://api.example.com');
    const webhook = server.webhook('https://app.example.com/in');
    await server.client().submitJob({
      url: 'https://api.example.com/a',
      method: 'PUT',
      idempotentKey: 'order-1',
      webhooks: [{ url: 'https://app.example.com/in' }],
    });
    await server.runToEnd();

    expect(upstream).toHaveCalled({ method: 'put', times: 1 });
    expect(upstream).not.toHaveCalled({ method: 'GET' });
    expect(server).toHaveCalled({ url: 'https://app.example.com/in' });
    expect(webhook).toHaveDelivered({ idempotentKey: 'order-1', status: 'success' });
    expect(webhook).not.toHaveDelivered({ status: 'failed' });
    assertCalled(upstream, { attempt: 1 });
    assertDelivered(webhook, { statusCode: 200 });
    expect(() => assertCalled(upstream, { method: 'GET' })).toThrow(
      /found 0; there were: \n {2}PUT https:\/\/api.example.com\/a after 0 ms, attempt 1/,
    );
    expect(() => assertDelivered(webhook, { times: 2 })).toThrow(/2 × a delivery, found 1/);
  });
});
