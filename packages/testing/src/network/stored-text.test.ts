import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { storedBody } from './stored-text.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('an answer', () => {
  test('that is text is kept as text, anything else in base64', () => {
    expect(storedBody(bytesOf('grüße'), 100)).toEqual({
      body: 'grüße',
      bodyEncoding: 'utf8',
      truncated: false,
    });
    expect(storedBody(Uint8Array.of(0xff, 0), 100)).toEqual({
      body: '/wA=',
      bodyEncoding: 'base64',
      truncated: false,
    });
    expect(storedBody(bytesOf('a\0b'), 100).bodyEncoding).toBe('base64');
  });

  test('loses nothing but what is cut off, and half a character there', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.nat(40), (text, limit) => {
        fc.pre(!text.includes('\0'));
        const { body, bodyEncoding, truncated } = storedBody(bytesOf(text), limit);
        expect(bodyEncoding).toBe('utf8');
        expect(truncated).toBe(bytesOf(text).length > limit);
        expect(text.startsWith(body)).toBe(true);
        expect(bytesOf(body).length).toBeGreaterThanOrEqual(
          Math.min(bytesOf(text).length, limit - 3),
        );
      }),
    );
  });
});
