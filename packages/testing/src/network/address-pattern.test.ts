import { describe, expect, test } from 'vitest';
import { addressPattern } from './address-pattern.ts';

describe('an address', () => {
  test.each([
    ['https://a.test', 'https://a.test/any/path?x=1', true],
    ['https://a.test', 'https://a.test.example/', false],
    ['https://a.test/', 'https://a.test/?x=1', true],
    ['https://a.test/', 'https://a.test/other', false],
    ['https://a.test/v1/*', 'https://a.test/v1/users/7', true],
    ['https://a.test/v1/*', 'https://a.test/v2/users', false],
    ['https://a.test/v1/users', 'https://a.test/v1/users?page=2', true],
    ['https://a.test/v1/users?page=1', 'https://a.test/v1/users?page=2', false],
    ['http://a.test', 'https://a.test', false],
  ])('%s stands for %s: %s', (pattern, url, matches) => {
    expect(addressPattern(pattern).matches(new URL(url))).toBe(matches);
  });

  test('goes before one that is less precise', () => {
    const precisions = [
      'https://a.test',
      'https://a.test/v1/*',
      'https://a.test/v1/users/*',
      'https://a.test/v1/users',
      'https://a.test/v1/users?page=1',
    ].map((pattern) => addressPattern(pattern).precision);
    expect(precisions).toEqual(precisions.toSorted((one, other) => one - other));
    expect(new Set(precisions).size).toBe(5);
  });

  test('must be whole', () => {
    expect(() => addressPattern('/orders')).toThrow(/"\/orders" is not an address; expected/);
  });

  test.each(['ftp://x', 'https://a/*/b', 'https://*.a.test', 'https://a/*b', '', null, 7])(
    'is not %j',
    (text) => {
      const make = (): unknown => Reflect.apply(addressPattern, null, [text]);
      expect(make).toThrow(expect.objectContaining({ code: 'invalid_address' }));
    },
  );

  test('may end with an asterisk', () => {
    expect(addressPattern('https://a.test/v1*').matches(new URL('https://a.test/v10'))).toBe(true);
  });
});
