import { expect, it } from 'vitest';
import { pruningTurn } from './pruning.ts';

it.each([
  [1, [true, true, true, true]],
  [3, [false, false, true, false]],
  [false, [false, false, false, false]],
] as const)('with pruneEvery %s it is time to prune: %s', (pruneEvery, expected) => {
  const isTime = pruningTurn({ pruneEvery });
  expect(expected.map(() => isTime())).toEqual(expected);
});

it.each([0, -1, 1.5, Number.NaN])('pruneEvery cannot be %s', (pruneEvery) => {
  expect(() => pruningTurn({ pruneEvery })).toThrow(/pruneEvery must be false or a whole number/);
});
