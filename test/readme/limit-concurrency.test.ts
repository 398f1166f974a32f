import { expect, test } from 'vitest';
import { limitConcurrency } from './limit-concurrency.ts';

test('work starts in order, never more than the limit at once, also after a failure', async () => {
  const limited = limitConcurrency(2);
  const started: number[] = [];
  const finish: (() => void)[] = [];
  const works = [0, 1, 2, 3].map((number) =>
    limited(async () => {
      started.push(number);
      await new Promise<void>((done) => finish.push(done));
      if (number === 0) throw new Error('broken');
      return number;
    }),
  );
  const outcomes = Promise.allSettled(works);

  expect(started).toEqual([0, 1]);
  finish[0]?.();
  await expect(works[0]).rejects.toThrow('broken');
  expect(started).toEqual([0, 1, 2]);
  finish[1]?.();
  await works[1];
  expect(started).toEqual([0, 1, 2, 3]);
  for (const done of finish) done();
  expect((await outcomes).map(({ status }) => status)).toEqual([
    'rejected',
    'fulfilled',
    'fulfilled',
    'fulfilled',
  ]);
});
