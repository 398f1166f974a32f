import fc from 'fast-check';
import { expect, test } from 'vitest';
import { storedText } from './stored-text.ts';

test('what is kept gives back the same bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (content) => {
      const bytes = Buffer.from(content);
      const { body, bodyEncoding } = storedText(bytes, false);
      expect(Buffer.from(body, bodyEncoding)).toEqual(bytes);
    }),
  );
});

test('text that is cut anywhere stays text, and loses at most the half character', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 32 }), fc.nat(), (text, at) => {
      fc.pre(!text.includes('\0'));
      const bytes = Buffer.from(text);
      const cut = bytes.subarray(0, at % (bytes.length + 1));
      const { body, bodyEncoding } = storedText(cut, true);
      expect(bodyEncoding).toBe('utf8');
      expect(text.startsWith(body)).toBe(true);
      expect(cut.length - Buffer.byteLength(body)).toBeLessThan(4);
    }),
  );
});
