import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { hmacSha256 as nodeHmac } from './node-hmac.ts';
import { hmacSha256 as portableHmac } from './portable-hmac.ts';
import { signStandardWebhook } from './sign-standard-webhook.ts';

describe('a signature by Standard Webhooks', () => {
  // The published example of the specification.
  test('is the one that the specification shows', () => {
    expect(
      signStandardWebhook({
        id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
        body: '{"test": 2432232314}',
        key: Buffer.from('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64'),
        timestampSeconds: 1_614_265_330,
      }),
    ).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  });

  test.each([
    ['by node:crypto', nodeHmac],
    ['without it', portableHmac],
  ])('is the same %s, for short and for long bodies', (_, hmac) => {
    const key = new Uint8Array(24).fill(7);
    for (const body of ['', 'grüße', 'é'.repeat(10_000)]) {
      const expected = createHmac('sha256', key).update(`id.5.${body}`);
      expect(hmac(key, ['id.5.', body], 'base64')).toBe(expected.digest('base64'));
    }
  });
});
