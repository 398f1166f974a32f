import { expect, test } from 'vitest';
import { estimateOf, measureInTurn, ratiosOf, shownEstimate } from './rounds.ts';

test('the interval of a median stands between the ranks that 95 of 100 samples agree on', () => {
  const ranks = (count: number): readonly number[] => {
    const { low, high } = estimateOf(Array.from({ length: count }, (_, index) => index + 1));
    return [low, high];
  };
  // From tables of the sign test.
  expect(ranks(6)).toEqual([1, 6]);
  expect(ranks(15)).toEqual([4, 12]);
  expect(ranks(25)).toEqual([8, 18]);
  expect(ranks(31)).toEqual([10, 22]);
  // Too few for any such interval: all of them.
  expect(ranks(3)).toEqual([1, 3]);
});

test('an estimate is shown with its interval', () => {
  expect(shownEstimate({ median: 1, low: 0.5, high: 2.25 }, 1)).toBe('1.0 (0.5 to 2.3)');
});

test('cases take turns, are prepared each time, and what warms up does not count', async () => {
  const done: string[] = [];
  const cases = ['a', 'b'].map((name) => ({
    name,
    prepare: () => void done.push(`prepare ${name}`),
    run: (times: number) => void done.push(`${name} × ${times}`),
  }));
  const figures = await measureInTurn(cases, { rounds: 1, times: 3 });
  const each = (name: string): readonly string[] => [`prepare ${name}`, `${name} × 3`];
  expect(done).toEqual([...each('a'), ...each('b'), ...each('b'), ...each('a')]);
  expect(figures.get('a')).toHaveLength(1);
  expect(
    ratiosOf(
      new Map([
        ['a', [2, 9]],
        ['b', [1, 3]],
      ]),
      'a',
      'b',
    ),
  ).toEqual([2, 3]);
});
