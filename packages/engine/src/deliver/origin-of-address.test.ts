import { expect, test } from 'vitest';
import { originOfAddress } from './origin-of-address.ts';

test('an address has the same origin whether or not it was asked for before', () => {
  const addresses = [
    ['https://Shop.test/hooks?id=1', 'https://shop.test'],
    ['http://127.0.0.1:8080/', 'http://127.0.0.1:8080'],
    ['https://shop.test:443/a', 'https://shop.test'],
    ['not an address', 'not an address'],
    [`https://long.test/${'a'.repeat(2_000)}`, 'https://long.test'],
  ] as const;
  for (let round = 0; round < 2; round += 1) {
    for (const [url, origin] of addresses) expect(originOfAddress(url)).toBe(origin);
  }
});

test('more addresses than are kept in mind are told apart as well', () => {
  for (let round = 0; round < 2; round += 1) {
    for (let host = 0; host < 1_500; host += 1) {
      expect(originOfAddress(`https://host-${host}.test/x`)).toBe(`https://host-${host}.test`);
    }
  }
});
