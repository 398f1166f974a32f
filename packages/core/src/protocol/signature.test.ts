import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import vectors from '../../../../spec/vectors/signatures.json' with { type: 'json' };
import { isEqualInConstantTime, toHex } from './bytes.ts';
import { hmacSha256 as nodeHmac } from './node-hmac.ts';
import { hmacSha256 as portableHmac } from './portable-hmac.ts';
import { signWebhook } from './sign-webhook.ts';
import { hmacSha256Async as webHmac } from './web-hmac.ts';
import { formatSignature, parseSignatureHeader, signedContent } from './signature.ts';

function bodyOf(vector: { body?: string; body_base64?: string }): string | Uint8Array {
  return vector.body ?? new Uint8Array(Buffer.from(vector.body_base64 ?? '', 'base64'));
}

describe('signing a webhook', () => {
  for (const vector of vectors.sign) {
    it(`gives the published header for: ${vector.name}`, () => {
      const { secret, timestamp_seconds: timestampSeconds, header } = vector;
      expect(signWebhook({ body: bodyOf(vector), secret, timestampSeconds })).toBe(header);
    });

    it(`gives it without node:crypto as well: ${vector.name}`, () => {
      const { secret, timestamp_seconds: timestampSeconds, header } = vector;
      const content = signedContent(String(timestampSeconds), bodyOf(vector));
      expect(formatSignature(timestampSeconds, portableHmac(secret, content))).toBe(header);
    });
  }

  it('gives the same with and without node:crypto, whatever the secret and the body', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'binary', minLength: 1, maxLength: 200 }),
        fc.array(fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.string({ unit: 'binary' })), {
          maxLength: 4,
        }),
        async (secret, parts) => {
          const running = createHmac('sha256', Buffer.from(secret));
          for (const part of parts) running.update(part);
          const expected = running.digest('hex');
          expect(nodeHmac(secret, parts)).toBe(expected);
          expect(portableHmac(secret, parts)).toBe(expected);
          expect(await webHmac(secret, parts)).toBe(expected);
        },
      ),
    );
  });

  it.each([2_600, 2_700, 2_730, 8_100, 8_192, 100_000])(
    'gives the same for a body of %i bytes: what fits into its buffer, and what does not',
    (length) => {
      for (const part of [new Uint8Array(length).fill(7), '\u20ac'.repeat(length)]) {
        const parts = ['1763674210.', part];
        expect(nodeHmac('a secret of some length', parts)).toBe(
          portableHmac('a secret of some length', parts),
        );
      }
    },
  );

  it('keeps secrets apart when there are more of them than it remembers keys for', async () => {
    const secrets = Array.from({ length: 1_200 }, (_, index) => `secret number ${index}`);
    const parts = ['body'];
    for (let round = 0; round < 2; round += 1) {
      for (const secret of secrets.slice(0, round === 0 ? secrets.length : 20)) {
        expect(nodeHmac(secret, parts)).toBe(portableHmac(secret, parts));
        expect(await webHmac(secret, parts)).toBe(portableHmac(secret, parts));
      }
    }
  });

  it('refuses an empty secret, with which anyone could sign', () => {
    expect(() => signWebhook({ body: '{}', secret: '', timestampSeconds: 1 })).toThrow(
      /secret must not be empty/,
    );
  });

  it.each([1.5, -1, Number.NaN, 1e12, Number.POSITIVE_INFINITY])(
    'refuses %s as a time',
    (timestampSeconds) => {
      expect(() => signWebhook({ body: '', secret: 's', timestampSeconds })).toThrow(
        /whole number of Unix seconds/,
      );
    },
  );
});

describe('reading a signature header', () => {
  it('gets back what was formatted', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 999_999_999_999 }),
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        (timestampSeconds, bytes) => {
          const signature = toHex(bytes);
          const parsed = parseSignatureHeader(formatSignature(timestampSeconds, signature));
          expect(parsed).toEqual({
            ok: true,
            header: {
              timestamp: String(timestampSeconds),
              timestampSeconds,
              signatures: [signature],
            },
          });
        },
      ),
    );
  });

  it('takes any text without failing', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.stringMatching(/^[tv1=, \da-f]{0,200}$/)),
        (text) => typeof parseSignatureHeader(text).ok === 'boolean',
      ),
    );
  });

  it('looks at a bounded number of signatures', () => {
    const many = Array.from({ length: 500 }, () => `v1=${'0'.repeat(64)}`).join(',');
    const parsed = parseSignatureHeader(`t=1,${many}`);
    expect(parsed.ok && parsed.header.signatures.length).toBe(16);
  });
});

describe('comparing in constant time', () => {
  it('finds texts equal when they are, whatever their length', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (left, right) => {
        expect(isEqualInConstantTime(left, right)).toBe(left === right);
        expect(isEqualInConstantTime(left, `${left}`)).toBe(true);
      }),
    );
  });

  it.each([
    ['abc', 'abcd'],
    ['abc', 'ab'],
    ['', '\0'],
    ['\0', ''],
    ['a', ''],
  ])('does not take %j for %j', (expected, actual) => {
    expect(isEqualInConstantTime(expected, actual)).toBe(false);
  });

  it('looks at every character, wherever the first difference is', () => {
    const expected = 'a'.repeat(64);
    for (let index = 0; index < 64; index += 1) {
      const looks: number[] = [];
      const actual = `${'a'.repeat(index)}b${'a'.repeat(63 - index)}`;
      const watched = {
        length: actual.length,
        charCodeAt: (place: number) => {
          looks.push(place);
          return actual.charCodeAt(place);
        },
      };
      expect(Reflect.apply(isEqualInConstantTime, null, [expected, watched])).toBe(false);
      expect(looks).toHaveLength(64);
    }
  });
});
