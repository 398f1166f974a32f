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
