import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { storedId } from './stored-id.ts';

describe('an id in a database', () => {
  it.each(['019adcf8-42d6-7a10-8000-5d2f0a7be1c4', 'continuation:a b', 'x'.repeat(200)])(
    'is as it came when everything can keep it: %s',
    async (id) => {
      expect(await storedId(id)).toBe(id);
    },
  );

  it.each([
    ['nothing', '', 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
    ['other letters', 'ä', /^sha256:[0-9a-f]{64}$/],
    ['a line break', 'a\n', /^sha256:[0-9a-f]{64}$/],
    ['too many letters', 'x'.repeat(201), /^sha256:[0-9a-f]{64}$/],
  ])('is a digest when it has %s', async (_, id, digest) => {
    expect(await storedId(id)).toMatch(digest);
  });

  it('is never taken for the digest of another', async () => {
    const digest = await storedId('ä');
    expect(await storedId(digest)).not.toBe(digest);
  });

  it('is short and printable, and no other id has it', async () => {
    const text = fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map(String.fromCharCode) });
    await fc.assert(
      fc.asyncProperty(text, text, async (one, other) => {
        const [storedOne, storedOther] = [await storedId(one), await storedId(other)];
        expect(storedOne).toMatch(/^[\x20-\x7e]{1,200}$/);
        expect(storedOne === storedOther).toBe(one === other);
      }),
    );
  });
});
