import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createSecretBox, SecretBoxError } from './secret-box.ts';

const KEY = Buffer.alloc(32, 7).toString('base64');
const OTHER_KEY = Buffer.alloc(32, 8).toString('base64');

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof SecretBoxError) return error.code;
    throw error;
  }
  return 'none';
}

describe('a sealed secret', () => {
  test('opens to what was sealed, in the place it was sealed for', () => {
    const box = createSecretBox(KEY);
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (plain, context) => {
        expect(box.open(box.seal(plain, context), context)).toBe(plain);
      }),
    );
  });

  test('does not open elsewhere, with another key, or after a change', () => {
    const box = createSecretBox(KEY);
    const sealed = box.seal('whsec_secret', 'org-1');
    const flipped = Buffer.from(sealed.ciphertext, 'base64');
    flipped[0] = (flipped[0] ?? 0) ^ 1;
    expect(codeOf(() => box.open(sealed, 'org-2'))).toBe('broken_envelope');
    expect(codeOf(() => createSecretBox(OTHER_KEY).open(sealed, 'org-1'))).toBe(
      'unknown_master_key',
    );
    const changed = { ...sealed, ciphertext: flipped.toString('base64') };
    expect(codeOf(() => box.open(changed, 'org-1'))).toBe('broken_envelope');
    expect(codeOf(() => box.open({ ...sealed, ciphertext: '' }, 'org-1'))).toBe('broken_envelope');
  });

  test('looks different every time', () => {
    const box = createSecretBox(KEY);
    expect(box.seal('same', 'org').ciphertext).not.toBe(box.seal('same', 'org').ciphertext);
  });

  test('needs a key of 32 bytes', () => {
    expect(codeOf(() => createSecretBox('c2hvcnQ='))).toBe('invalid_master_key');
  });

  test('opens with the key that was the master key before, which seals nothing more', () => {
    const former = createSecretBox(OTHER_KEY);
    const box = createSecretBox(KEY, [OTHER_KEY]);
    const sealed = former.seal('whsec_secret', 'org-1');
    expect(box.open(sealed, 'org-1')).toBe('whsec_secret');
    expect(box.seal('x', 'org-1').keyId).toBe(box.keyId);
    expect(box.keyIds).toEqual([box.keyId, former.keyId]);
    expect(codeOf(() => former.open(box.seal('x', 'org-1'), 'org-1'))).toBe('unknown_master_key');
  });
});
