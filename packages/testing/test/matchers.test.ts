import {
  assertCalled,
  assertDelivered,
  createTestServer,
  matchers,
  type TestingMatchers,
} from '@ezthrottle/testing';
import { describe, expect, test } from 'vitest';

declare module 'vitest' {
  // oxlint-disable-next-line no-unused-vars -- the parameter is vitest's.
  interface Matchers<T> extends TestingMatchers<void> {}
}

expect.extend(matchers);

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
