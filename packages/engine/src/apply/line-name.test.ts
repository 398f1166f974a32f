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

test('a part of a divided origin is told by its number, and the first one as the origin itself', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 15 }), fc.boolean(), (part, hasLimits) => {
      const origin = 'https://a.test:8443';
      const limits = hasLimits ? ['a', 'b#1'] : [];
      const name = lineName({ origin, part, limits });
      expect(parseLineName(name)).toEqual({ origin, part, limits });
      expect(lineName({ origin, part: 0, limits })).toBe(lineName({ origin, limits }));
    }),
  );
});

test('a part that cannot be is taken for the first', () => {
  for (const part of ['', '0', '16', '-1', '1.5', 'x']) {
    expect(parseLineName(`https://a.test#${part}`)).toEqual({
      origin: 'https://a.test',
      part: 0,
      limits: [],
    });
  }
});

test('a name that is damaged is taken for the origin alone', () => {
  expect(parseLineName('https://a.test [broken')).toEqual({ origin: 'https://a.test', limits: [] });
});
