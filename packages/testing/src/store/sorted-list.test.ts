import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SortedList } from './sorted-list.ts';

const actions = fc.array(
  fc.record({ isAdded: fc.boolean(), value: fc.integer({ min: 0, max: 30 }) }),
);

test('holds what was put in and not taken out, in order', () => {
  fc.assert(
    fc.property(actions, fc.integer({ min: 0, max: 30 }), fc.nat(5), (moves, probe, limit) => {
      const list = new SortedList<number>((one, other) => one - other);
      const model = new Set<number>();
      for (const { isAdded, value } of moves) {
        if (isAdded) list.add(value);
        else list.delete(value);
        if (isAdded) model.add(value);
        else model.delete(value);
      }
      const expected = [...model].toSorted((one, other) => one - other);
      expect(list.values()).toEqual(expected);
      expect(list.first).toBe(expected[0]);
      const after = expected.filter((value) => value > probe);
      expect(list.after(probe, limit)).toEqual(after.slice(0, limit));
      expect(list.after(null, 100, (value) => value < probe)).toEqual(
        expected.filter((value) => value < probe),
      );
    }),
  );
});
