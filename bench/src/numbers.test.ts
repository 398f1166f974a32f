import fc from 'fast-check';
import { expect, test } from 'vitest';
import { medianOf, percentileOf, shown, tableOf } from './numbers.ts';

test('the median is the middle one, in whatever order the values came', () => {
  expect(medianOf([10, 2, 33])).toBe(10);
  expect(medianOf([4, 1, 3, 2])).toBe(2.5);
});

test('a percentile is one of the values, and that share of them does not exceed it', () => {
  const values = fc.array(fc.integer(), { minLength: 1 });
  fc.assert(
    fc.property(values, fc.integer({ min: 1, max: 100 }), (all, percent) => {
      const value = percentileOf(all, percent / 100);
      const upTo = all.filter((each) => each <= value).length;
      const below = all.filter((each) => each < value).length;

      expect(all).toContain(value);
      expect(upTo * 100).toBeGreaterThanOrEqual(percent * all.length);
      expect(below * 100).toBeLessThanOrEqual(percent * all.length);
    }),
  );
});

test('numbers are shown with the digits that matter', () => {
  expect([0.1234, 12.34, 1234.5, 1_234_567, null, Number.NaN].map(shown)).toEqual([
    '0.12',
    '12.3',
    '1 235',
    '1 234 567',
    '-',
    '-',
  ]);
});

test('a table stands in straight columns', () => {
  expect(
    tableOf([
      ['what', 'jobs/s'],
      ['a', '1'],
    ]),
  ).toBe('what  jobs/s\na          1');
});
