import { describe, expect, it } from 'vitest';
import vectors from '../../../../spec/vectors/signatures.json' with { type: 'json' };
import { hmacSha256 } from '../protocol/portable-hmac.ts';
import { formatSignature, signedContent } from '../protocol/signature.ts';
import { signWebhook } from '../protocol/sign-webhook.ts';
import {
  tryVerifyWithSecrets,
  verifyWebhookSignature,
  verifyWebhookSignatureStrict,
} from './verify.ts';
import { createWebhookVerifier } from './webhook-verifier.ts';

const secret = 'a secret of this test';
const timestampSeconds = 1_763_674_210;
const now = (): number => timestampSeconds * 1000;
const body = '{"job_id":"j"}';
const header = signWebhook({ body, secret, timestampSeconds });

/** A call as JavaScript without types makes it. */
function verifyUntyped(...values: unknown[]): unknown {
  const untyped: unknown = verifyWebhookSignature;
  return typeof untyped === 'function' ? untyped(...values) : undefined;
}

describe('verifying a webhook', () => {
  for (const vector of vectors.verify) {
    it(`holds to the published verdict: ${vector.name}`, async () => {
      const verifier = createWebhookVerifier({
        secrets: vector.secrets,
        toleranceSeconds: vector.tolerance_seconds,
        now: () => vector.now_seconds * 1000,
      });
      const verdict = await verifier.verify(new TextEncoder().encode(vector.body), vector.header);
      expect(verdict).toEqual({ verified: vector.verified, reason: vector.reason });
    });
  }

  it('accepts the body as bytes and as text', () => {
    const bytes = new TextEncoder().encode(body);
    expect(verifyWebhookSignature(body, header, secret, { now }).reason).toBe('valid');
    expect(verifyWebhookSignature(bytes, header, secret, { now }).reason).toBe('valid');
    expect(verifyWebhookSignature(Buffer.from(body), header, secret, { now }).reason).toBe('valid');
  });

  it('accepts bytes that are not text', () => {
    const bytes = new Uint8Array([0xff, 0x00, 0xfe]);
    const signature = signWebhook({ body: bytes, secret, timestampSeconds });
    expect(verifyWebhookSignature(bytes, signature, secret, { now }).verified).toBe(true);
    const lossy = new TextDecoder().decode(bytes);
    expect(verifyWebhookSignature(lossy, signature, secret, { now }).verified).toBe(false);
  });

  it('takes the tolerance as a number, by the clock of the machine', () => {
    const seconds = Math.floor(Date.now() / 1000) - 600;
    const old = signWebhook({ body, secret, timestampSeconds: seconds });
    expect(verifyWebhookSignature(body, old, secret).reason).toMatch(/^timestamp_expired/);
    expect(verifyWebhookSignature(body, old, secret, 3_600).reason).toBe('valid');
  });

  it('takes the first of several headers', () => {
    expect(verifyWebhookSignature(body, [header, 'x'], secret, { now }).verified).toBe(true);
    expect(verifyWebhookSignature(body, [], secret, { now }).reason).toBe('no_signature_header');
    expect(verifyWebhookSignature(body, null, secret, { now }).reason).toBe('no_signature_header');
  });

  it('never accepts anything under an empty or missing secret', () => {
    // What anyone can compute: an HMAC with the empty key, of this very body.
    const content = signedContent(String(timestampSeconds), body);
    const forged = formatSignature(timestampSeconds, hmacSha256('', content));
    for (const empty of ['', undefined, null]) {
      expect(verifyUntyped(body, forged, empty, { now })).toEqual({
        verified: false,
        reason: 'verification_error: the secret is missing or empty',
      });
    }
  });

  it('says what is wrong when it is given a parsed body', () => {
    expect(verifyUntyped({ job_id: 'j' }, header, secret, { now })).toMatchObject({
      verified: false,
      reason: expect.stringContaining('a parsed body cannot be verified'),
    });
  });

  it.each([
    ['a header that is a number', [body, 5, secret], 'the header is not a text'],
    ['headers that are numbers', [body, [5], secret], 'the header is not a text'],
    ['null for the options', [body, header, secret, null], 'the options cannot be read'],
    ['a clock that is none', [body, header, secret, { now: 5 }], 'the options cannot be read'],
  ])('says what is wrong, and does not throw, when given %s', (_what, values, reason) => {
    expect(verifyUntyped(...values)).toEqual({
      verified: false,
      reason: `verification_error: ${reason}`,
    });
  });

  it.each([Number.NaN, -1])('does not take %s for a tolerance that accepts all', (tolerance) => {
    expect(verifyWebhookSignature(body, header, secret, tolerance)).toMatchObject({
      verified: false,
      reason: expect.stringContaining('tolerance'),
    });
  });
});

describe('the strict form', () => {
  it('is silent when the signature is good', () => {
    expect(verifyWebhookSignatureStrict(body, header, secret, { now })).toBeUndefined();
  });

  it('throws an error that names the reason', () => {
    expect(() => verifyWebhookSignatureStrict('{}', header, secret, { now })).toThrow(
      expect.objectContaining({
        name: 'WebhookVerificationError',
        code: 'webhook_verification_failed',
        message: 'Webhook signature verification failed: signature_mismatch',
      }),
    );
  });
});

describe('two secrets during a rotation', () => {
  const older = 'the secret before it';

  it('says which of the two signed', () => {
    const signedOld = signWebhook({ body, secret: older, timestampSeconds });
    expect(tryVerifyWithSecrets(body, header, secret, older, { now }).reason).toBe('valid_primary');
    expect(tryVerifyWithSecrets(body, signedOld, secret, older, { now }).reason).toBe(
      'valid_secondary',
    );
  });

  it('gives the reason of the primary one when neither did', () => {
    expect(tryVerifyWithSecrets('{}', header, secret, older, { now })).toEqual({
      verified: false,
      reason: 'both_secrets_failed (primary: signature_mismatch)',
    });
    expect(tryVerifyWithSecrets(body, '', secret, undefined, { now })).toEqual({
      verified: false,
      reason: 'both_secrets_failed (primary: no_signature_header)',
    });
  });
});

describe('the verifier of a receiver', () => {
  it('refuses to be made without usable secrets, and names each', () => {
    expect(() => createWebhookVerifier({ secrets: [] })).toThrow(/secrets is empty/);
    expect(() => createWebhookVerifier({ secrets: ['long enough secret', 'short'] })).toThrow(
      expect.objectContaining({
        code: 'receiver_configuration',
        problems: [
          {
            path: 'secrets[1]',
            message: 'has 5 characters',
            expected: 'a string of at least 16 characters',
          },
        ],
      }),
    );
  });

  it('does not repeat a secret in the error about it', () => {
    expect(() => createWebhookVerifier({ secrets: 'hunter2' })).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining('hunter2') }),
    );
  });

  it('asks for secrets anew each time, with the context of the request', async () => {
    const asked: unknown[] = [];
    const verifier = createWebhookVerifier({
      now,
      secrets: async (context) => {
        asked.push(context);
        return [secret];
      },
    });
    const bytes = new TextEncoder().encode(body);
    expect((await verifier.verify(bytes, header, { env: 1 })).verified).toBe(true);
    expect((await verifier.verify(bytes, header, { env: 2 })).verified).toBe(true);
    expect(asked).toEqual([{ env: 1 }, { env: 2 }]);
  });

  it('rejects, rather than refuses a delivery, when the secrets it is given cannot be used', async () => {
    const verifier = createWebhookVerifier({ now, secrets: () => '' });
    await expect(verifier.verify(new Uint8Array(), header)).rejects.toMatchObject({
      code: 'receiver_configuration',
    });
  });
});
