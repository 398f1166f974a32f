import fc from 'fast-check';
import { expect, it } from 'vitest';
import { textHash } from './text-hash.ts';

// From the published test vectors of FNV-1a.
it.each([
  ['', 0x811c9dc5],
  ['a', 0xe40c292c],
  ['foobar', 0xbf9cf968],
])('the hash of "%s" is that of everybody else', (text, hash) => {
  expect(textHash(text)).toBe(hash);
});

it('is over the UTF-8 bytes, in whatever script a text begins and goes on', () => {
  const written = fc.string({ unit: fc.oneof(fc.constantFrom('a', ' '), fc.string()) });
  fc.assert(
    fc.property(written, (text) => {
      let hash = 0x811c9dc5;
      for (const byte of Buffer.from(text, 'utf8')) hash = Math.imul(hash ^ byte, 0x01000193);
      expect(textHash(text)).toBe(hash >>> 0);
    }),
  );
});

it('of pieces that are hashed one after the other is that of the whole', () => {
  const text = fc.string({ unit: 'grapheme' });
  fc.assert(
    fc.property(text, text, (first, second) => {
      expect(textHash(second, textHash(first))).toBe(textHash(first + second));
    }),
  );
});
