import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BoundedBytes } from './bounded-bytes.ts';

const chunk = fc
  .tuple(fc.constantFrom(0, 1, 2, 100, 4_095, 4_096, 40_000, 70_000), fc.nat(255))
  .map(([length, byte]) => Buffer.alloc(length, byte));

test('bytes are kept in their order up to the bound, however they come', () => {
  fc.assert(
    fc.property(fc.array(chunk, { maxLength: 30 }), fc.nat(400_000), (chunks, bound) => {
      const bytes = new BoundedBytes(bound);
      for (const one of chunks) bytes.add(one);
      const all = Buffer.concat(chunks);
      expect(bytes.joined().equals(all.subarray(0, bound))).toBe(true);
      expect(bytes.isCut).toBe(all.length > bound);
      expect(Buffer.concat(bytes.takeChunks()).equals(all.subarray(0, bound))).toBe(true);
      expect(bytes.joined()).toHaveLength(0);
    }),
  );
});

test('a megabyte that comes byte by byte is kept in a few blocks', () => {
  const bytes = new BoundedBytes(1_048_576);
  for (let sent = 0; sent < 1_048_576; sent += 1) bytes.add(Buffer.from([sent & 0xff]));
  expect(bytes.isCut).toBe(false);
  expect(bytes.takeChunks().length).toBeLessThan(30);
});
