import { createHmac } from 'node:crypto';
import type { DeliveryPayload } from '@ezthrottle/core/protocol';
import { describe, expect, test } from 'vitest';
import { deliveryRequest } from './delivery-request.ts';
import { standardWebhookHeaders } from './standard-webhook.ts';

const PAYLOAD: DeliveryPayload = {
  delivery_id: 'd-1',
  endpoint_id: 'ep_1',
  attempt: 3,
  job_id: 'j-1',
  idempotent_key: 'key',
  status: 'success',
  metadata: { name: 'grüße' },
  ended_at: 1_700_000_000_000,
};

function hmacSha256(key: Uint8Array, content: string): Uint8Array {
  return createHmac('sha256', key).update(content).digest();
}

function requestFor(secret: string | null): ReturnType<typeof deliveryRequest> {
  const now = 1_700_000_001_999;
  return deliveryRequest({ payload: PAYLOAD, secret, userAgent: 'agent', now, hmacSha256 });
}

describe('the request of a delivery', () => {
  test('is the payload as JSON, with its id and attempt in headers', () => {
    const { headers, body } = requestFor(null);

    expect(JSON.parse(body)).toEqual(PAYLOAD);
    expect(headers).toEqual({
      'content-type': 'application/json',
      'user-agent': 'agent',
      'X-EZThrottle-Delivery': 'd-1',
      'X-EZThrottle-Attempt': '3',
    });
  });

  test('is signed over its second and its very bytes, with the literal secret', () => {
    const { headers, body } = requestFor('plain secret, long enough');

    const digest = createHmac('sha256', 'plain secret, long enough')
      .update(`1700000001.${body}`)
      .digest('hex');
    expect(headers['X-EZThrottle-Signature']).toBe(`t=1700000001,v1=${digest}`);
    expect(headers).not.toHaveProperty('webhook-signature');
  });

  test('carries Standard Webhooks headers too when the secret is of that form', () => {
    const key = Buffer.alloc(24, 7);
    const secret = `whsec_${key.toString('base64')}`;

    const { headers, body } = requestFor(secret);

    const literal = createHmac('sha256', secret).update(`1700000001.${body}`).digest('hex');
    const decoded = createHmac('sha256', key).update(`d-1.1700000001.${body}`).digest('base64');
    expect(headers).toMatchObject({
      'X-EZThrottle-Signature': `t=1700000001,v1=${literal}`,
      'webhook-id': 'd-1',
      'webhook-timestamp': '1700000001',
      'webhook-signature': `v1,${decoded}`,
    });
  });

  test.each(['whsec_', 'whsec_A', 'whsec_====', 'whsec_!!!', 'not of that form'])(
    'has no such headers for %j, from which no key can be decoded',
    (secret) => {
      expect(requestFor(secret).headers).not.toHaveProperty('webhook-signature');
    },
  );

  // The published example of the specification.
  test('signs as the specification of Standard Webhooks shows', () => {
    expect(
      standardWebhookHeaders({
        id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
        body: '{"test": 2432232314}',
        secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
        timestampSeconds: 1_614_265_330,
        hmacSha256,
      })['webhook-signature'],
    ).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  });
});
