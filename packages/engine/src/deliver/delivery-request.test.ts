import { createHmac, createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
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

function requestFor(secret: string | null): ReturnType<typeof deliveryRequest> {
  const now = 1_700_000_001_999;
  return deliveryRequest({ payload: PAYLOAD, secret, userAgent: 'agent', now });
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
      })['webhook-signature'],
    ).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  });

  describe('while keys are changed', () => {
    const seed = Buffer.alloc(32, 9);
    // DER of a PKCS #8 private key, up to the seed.
    const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
    const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
    const ed25519 = (given: Uint8Array, content: string): Uint8Array => {
      expect(given).toEqual(new Uint8Array(seed));
      return sign(null, Buffer.from(content), privateKey);
    };
    const secret = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;
    const former = `whsec_${Buffer.alloc(24, 8).toString('base64')}`;

    function signedWith(furtherKeys: readonly string[], primary: string | null = secret) {
      return deliveryRequest({
        payload: PAYLOAD,
        secret: primary,
        furtherKeys,
        userAgent: 'agent',
        now: 1_700_000_001_999,
        ed25519,
      });
    }

    test('is signed with each of them, the newest first', () => {
      const { headers, body } = signedWith([former, secret]);
      const content = `d-1.1700000001.${body}`;
      const [newest, older, ...rest] = headers['webhook-signature']?.split(' ') ?? [];
      const digest = (byte: number): string =>
        createHmac('sha256', Buffer.alloc(24, byte)).update(content).digest('base64');
      expect([newest, older, rest]).toEqual([`v1,${digest(7)}`, `v1,${digest(8)}`, []]);
      expect(headers['X-EZThrottle-Signature']?.match(/v1=/g)).toHaveLength(1);
    });

    test('is signed with ed25519 too, so that receivers need no secret', () => {
      for (const key of [seed, Buffer.concat([seed, Buffer.alloc(32, 1)])]) {
        const { headers, body } = signedWith([`whsk_${key.toString('base64')}`], null);
        const [version, signature = ''] = headers['webhook-signature']?.split(',') ?? [];
        expect(version).toBe('v1a');
        expect(headers).not.toHaveProperty('X-EZThrottle-Signature');
        const content = Buffer.from(`d-1.1700000001.${body}`);
        const publicKey = createPublicKey(privateKey);
        expect(verify(null, content, publicKey, Buffer.from(signature, 'base64'))).toBe(true);
      }
    });

    test('a key of another length does not sign', () => {
      const { headers } = signedWith([`whsk_${Buffer.alloc(31).toString('base64')}`], null);
      expect(headers).not.toHaveProperty('webhook-signature');
    });
  });
});
