import fc from 'fast-check';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import { describe, expect, it } from 'vitest';
import vectors from '../../../../../spec/vectors/signatures.json' with { type: 'json' };
import { hmacSha256Async as webHmac } from '../../protocol/web-hmac.ts';
import { hmacSha256 as nodeHmac } from '../../protocol/node-hmac.ts';
import { l8Signature } from './l8-signature.ts';
import type { SchemeVerdict, SignatureScheme, SignedMessage } from './signature-scheme.ts';
import { standardWebhooksEd25519 } from './standard-webhooks-ed25519.ts';
import { standardWebhooks } from './standard-webhooks.ts';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

type Vector = (typeof vectors.schemes)[number];

function schemeOf({ scheme, keys }: Vector): SignatureScheme {
  if (scheme === 'l8') return l8Signature({ publicKeys: keys });
  return scheme === 'standard-webhooks'
    ? standardWebhooks()
    : standardWebhooksEd25519({ publicKeys: keys });
}

function messageOf(
  headers: Readonly<Record<string, string | undefined>>,
  body: string | Uint8Array,
  change: Partial<SignedMessage> = {},
): SignedMessage {
  const known = new Map(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
  return {
    body: typeof body === 'string' ? new TextEncoder().encode(body) : body,
    header: (name) => known.get(name.toLowerCase()),
    context: null,
    secrets: async () => [SECRET],
    toleranceSeconds: 300,
    now: Date.now,
    ...change,
  };
}

function base64Of(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

function messageOfVector(vector: Vector): SignedMessage {
  const body = vector.body ?? new Uint8Array(Buffer.from(vector.body_base64 ?? '', 'base64'));
  return messageOf(vector.headers, body, {
    secrets: async () => vector.keys,
    toleranceSeconds: vector.tolerance_seconds,
    now: () => vector.now_seconds * 1000,
  });
}

function published({ verdict, scheme }: Vector): SchemeVerdict {
  if (verdict.state === 'absent') return { state: 'absent' };
  if (verdict.state === 'refused') return { state: 'refused', reason: verdict.reason ?? '' };
  return { state: 'valid', signedId: scheme === 'l8' ? null : (verdict.signed_id ?? null) };
}

describe('a scheme', () => {
  for (const vector of vectors.schemes) {
    it(`holds to the published verdict: ${vector.scheme}, ${vector.name}`, async () => {
      expect(await schemeOf(vector).verify(messageOfVector(vector))).toEqual(published(vector));
    });
  }

  it('takes a signature under a key of bytes in the same way with and without node:crypto', async () => {
    const key = new Uint8Array([1, 255, 0, 128, 7]);
    for (const parts of [['a', 'b'], ['x'.repeat(9_000)], [new Uint8Array([0, 255])]]) {
      expect(await webHmac(key, parts)).toBe(nodeHmac(key, parts));
    }
  });
});

describe('a forger', () => {
  const publicKeys = vectors.schemes.find(({ scheme }) => scheme === 'l8')?.keys ?? [];
  const schemes = [
    standardWebhooks(),
    standardWebhooksEd25519({ publicKeys }),
    l8Signature({ publicKeys }),
  ];
  const seconds = 1_763_674_210;
  const signature = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.base64String().map((text) => `v1,${text}`),
    fc.uint8Array({ minLength: 64, maxLength: 64 }).map((bytes) => base64Of(bytes)),
    fc.uint8Array({ minLength: 64, maxLength: 64 }).map((bytes) => `v1a,${base64Of(bytes)}`),
    fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => `v1,${base64Of(bytes)}`),
  );

  it('is neither believed nor able to make a check fail, whatever the headers say', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'binary' }),
        fc.oneof(fc.constant(String(seconds)), fc.string()),
        fc.array(signature, { maxLength: 5 }).map((list) => list.join(' ')),
        fc.uint8Array({ maxLength: 50 }),
        async (id, timestamp, signatures, body) => {
          const headers = {
            'webhook-id': id,
            'webhook-timestamp': timestamp,
            'webhook-signature': signatures,
            'x-l8-delivery-id': id,
            'x-l8-timestamp': timestamp,
            'x-l8-signature': signatures,
          };
          const message = messageOf(headers, body, { now: () => seconds * 1000 });
          for (const scheme of schemes) {
            expect((await scheme.verify(message)).state).not.toBe('valid');
          }
        },
      ),
    );
  });
});

describe('what the libraries of Standard Webhooks sign', () => {
  const id = 'msg_1';
  const signers = {
    standardwebhooks: new StandardWebhook(SECRET),
    svix: new SvixWebhook(SECRET),
  };
  for (const [name, signer] of Object.entries(signers)) {
    it.each(['{"job_id":"j"}', '{"note":"héllo ✓"}', ''])(`is taken: ${name}, %s`, async (body) => {
      const now = new Date();
      const headers = {
        'webhook-id': id,
        'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
        'webhook-signature': signer.sign(id, now, body),
      };
      const scheme = standardWebhooks();
      const verdict = await scheme.verify(messageOf(headers, body));
      expect(verdict).toEqual({ state: 'valid', signedId: id });
      expect(await scheme.verify(messageOf(headers, `${body} `))).toMatchObject({
        state: 'refused',
      });
    });
  }
});

describe('public keys', () => {
  const [vector] = vectors.schemes.filter(({ scheme }) => scheme === 'standard-webhooks-ed25519');
  if (vector === undefined) throw new Error('no vector');
  const [key = ''] = vector.keys;

  it('may come with each request, from what the adapter passed along', async () => {
    const asked: unknown[] = [];
    const scheme = standardWebhooksEd25519({
      publicKeys: async (context) => {
        asked.push(context);
        return key;
      },
    });
    const message = { ...messageOfVector(vector), context: 'env' };
    expect(await scheme.verify(message)).toMatchObject({ state: 'valid' });
    expect(asked).toEqual(['env']);
  });

  it('that cannot be used are an error here, not a forgery', async () => {
    const scheme = standardWebhooksEd25519({ publicKeys: () => ['short'] });
    await expect(scheme.verify(messageOfVector(vector))).rejects.toMatchObject({
      code: 'receiver_configuration',
      problems: [{ path: 'publicKeys[0]' }],
    });
  });

  it('are checked when they are given, each by its place and without being repeated', () => {
    const problems = l8Signature({ publicKeys: [key, 'whpk_c2hvcnQ=', ''] }).findProblems([]);
    expect(problems.map(({ path }) => path)).toEqual(['publicKeys[1]', 'publicKeys[2]']);
    expect(JSON.stringify(problems)).not.toContain('c2hvcnQ');
    expect(l8Signature({ publicKeys: [] }).findProblems([])).toMatchObject([
      { path: 'publicKeys', message: 'is empty' },
    ]);
    const many = Array.from({ length: 9 }, () => key);
    expect(l8Signature({ publicKeys: many }).findProblems([])).toHaveLength(1);
  });
});
