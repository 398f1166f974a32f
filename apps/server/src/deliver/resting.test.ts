import { expect, test } from 'vitest';
import { Resting } from './resting.ts';

test('a delivery that failed for a reason of ours is left alone for half a minute', () => {
  const resting = new Resting(10);
  expect(resting.has('d-1', 0)).toBe(false);
  const until = resting.add('d-1', 1_000);
  expect(until).toBe(31_000);
  expect([resting.has('d-1', 30_999), resting.has('d-2', 30_999)]).toEqual([true, false]);
  expect([resting.has('d-1', 31_000), resting.has('d-1', 30_999)]).toEqual([false, false]);
});

test('no more are remembered than there is room for', () => {
  const resting = new Resting(1);
  resting.add('d-1', 0);
  expect(resting.add('d-2', 0)).toBe(30_000);
  expect([resting.has('d-1', 5), resting.has('d-2', 5)]).toEqual([true, false]);
});
