import fc from 'fast-check';
import { expect, test } from 'vitest';
import { lineName, parseLineName } from './line-name.ts';

test('a line is told by its origin and its limits, in whichever order they were named', () => {
  const limits = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 128 }), { maxLength: 16 });
  fc.assert(
    fc.property(limits, fc.webAuthority(), (names, host) => {
      const origin = `https://${host}`;
      const name = lineName({ origin, limits: names });
      expect(parseLineName(name)).toEqual({ origin, limits: names.toSorted() });
      expect(lineName({ origin, limits: names.toReversed() })).toBe(name);
    }),
  );
});

test('a name that is damaged is taken for the origin alone', () => {
  expect(parseLineName('https://a.test [broken')).toEqual({ origin: 'https://a.test', limits: [] });
});
