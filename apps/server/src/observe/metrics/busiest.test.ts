import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Busiest } from './busiest.ts';

const counting = (most: number) =>
  new Busiest<{ uses: number }>({
    most,
    create: () => ({ uses: 0 }),
    fold: (into, from) => {
      into.uses += from.uses;
    },
  });

describe('the busiest keys', () => {
  test('have tallies of their own, all others share one', () => {
    const busiest = counting(2);
    for (const key of ['a', 'b', 'c', 'a', 'd']) busiest.use(key).uses += 1;
    expect(busiest.named()).toEqual([
      { key: 'a', tally: { uses: 2 } },
      { key: 'b', tally: { uses: 1 } },
    ]);
    expect(busiest.rest.uses).toBe(2);
  });

  test('are found among 100,000 others, whenever they become busy', () => {
    const busiest = counting(10);
    for (let index = 0; index < 100_000; index += 1) busiest.use(`first ${index}`).uses += 1;
    const busy = Array.from({ length: 10 }, (_, index) => `busy ${index}`);
    for (let round = 0; round < 2_000; round += 1) {
      for (const key of busy) busiest.use(key).uses += 1;
      busiest.use(`passing ${round}`).uses += 1;
      if (round % 500 === 0) busiest.rank();
    }
    busiest.rank();
    expect(
      busiest
        .named()
        .map(({ key }) => key)
        .toSorted(),
    ).toEqual(busy);
  });

  test('never are more than they may be, and nothing that was counted is lost', () => {
    const use = fc.record({ key: fc.nat(40), isRanked: fc.boolean() });
    fc.assert(
      fc.property(fc.array(use, { maxLength: 400 }), fc.nat(5), (uses, most) => {
        const busiest = counting(most);
        for (const { key, isRanked } of uses) {
          busiest.use(String(key)).uses += 1;
          if (isRanked) busiest.rank();
          expect(busiest.named().length).toBeLessThanOrEqual(most);
        }
        const named = busiest.named().reduce((sum, { tally }) => sum + tally.uses, 0);
        expect(named + busiest.rest.uses).toBe(uses.length);
      }),
    );
  });
});
