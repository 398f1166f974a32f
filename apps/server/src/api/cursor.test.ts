import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatCursor, parseCursor } from './cursor.ts';
import { parseId } from './job-id.ts';

describe('a cursor', () => {
  test('comes back as it was given', () => {
    fc.assert(
      fc.property(fc.nat(Number.MAX_SAFE_INTEGER - 1), fc.uuid(), (createdAt, id) => {
        expect(parseCursor(formatCursor({ createdAt, id }))).toEqual({ createdAt, id });
      }),
    );
  });

  test('that is not ours is refused, whatever it is', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        fc.pre(!/^\d+\.[\da-f-]{36}$/.test(Buffer.from(text, 'base64url').toString()));
        expect(parseCursor(text)).toBeNull();
      }),
    );
  });
});

describe('a job id', () => {
  test('is read with dashes, without, and in capitals', () => {
    const id = '019a0c6e-8f2b-7c3d-9e4f-5a6b7c8d9e0f';
    expect(parseId(id)).toBe(id);
    expect(parseId(id.replaceAll('-', ''))).toBe(id);
    expect(parseId(id.toUpperCase())).toBe(id);
    expect(parseId(`${id}0`)).toBeNull();
    expect(parseId('../secret')).toBeNull();
  });
});
