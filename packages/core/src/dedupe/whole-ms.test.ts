import { describe, expect, it } from 'vitest';
import { wholeMs } from './whole-ms.ts';

describe('a time for a database', () => {
  it.each([
    [1, 1],
    [60_000, 60_000],
    [0.2, 1],
    [1_000.5, 1_001],
    [Number.MAX_SAFE_INTEGER, 3_153_600_000_000],
    [Number.POSITIVE_INFINITY, 3_153_600_000_000],
  ])('of %s ms is %s', (value, expected) => {
    expect(wholeMs('leaseMs', value)).toBe(expected);
  });

  it.each([0, -1, Number.NaN])('is never %s', (value) => {
    expect(() => wholeMs('leaseMs', value)).toThrow(
      `leaseMs must be a number above 0, got ${value}.`,
    );
  });
});
