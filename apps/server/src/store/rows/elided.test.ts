import fc from 'fast-check';
import { expect, test } from 'vitest';
import { eliding } from './elided.ts';

test('what is left out comes back with the usual values', () => {
  const data = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.jsonValue());
  fc.assert(
    fc.property(data, data, (value, usual) => {
      const full = { ...usual, ...value };
      expect({ ...usual, ...eliding(usual)(full) }).toEqual(full);
    }),
  );
});

test('only what is the same in every part is left out', () => {
  const usual = { retry: { codes: [429, 503], most: 3 }, region: null, tags: [] };
  expect(eliding(usual)({ retry: { most: 3, codes: [429, 503] }, region: null, tags: [] })).toEqual(
    {},
  );
  expect(eliding(usual)({ retry: { codes: [503, 429], most: 3 } })).toEqual({
    retry: { codes: [503, 429], most: 3 },
  });
  expect(eliding(usual)({ tags: {}, region: 'x', other: 1 })).toEqual({
    tags: {},
    region: 'x',
    other: 1,
  });
});
