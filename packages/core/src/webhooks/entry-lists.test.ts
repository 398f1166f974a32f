import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DONE, EntryLists, RUNNING, type EntryList } from './entry-lists.ts';

const LISTS: readonly EntryList[] = [DONE, RUNNING];

describe('lists of numbered entries', () => {
  it('keep each entry in one list, in the order in which it came there', () => {
    const step = fc.record({
      verb: fc.constantFrom('add', 'add', 'move', 'remove'),
      list: fc.constantFrom(...LISTS),
      which: fc.nat(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const lists = new EntryLists();
        const known: Record<EntryList, number[]> = { [DONE]: [], [RUNNING]: [] };
        for (const { verb, list, which } of steps) {
          const all = [...known[DONE], ...known[RUNNING]];
          const entry = all[which % all.length];
          if (verb === 'add') {
            const added = lists.add(list);
            expect(all).not.toContain(added);
            known[list].push(added);
            continue;
          }
          if (entry === undefined) continue;
          for (const each of LISTS) known[each] = known[each].filter((one) => one !== entry);
          if (verb === 'move') {
            lists.move(entry, list);
            known[list].push(entry);
          } else lists.remove(entry);
        }
        for (const each of LISTS) {
          expect([...lists.all(each)]).toEqual(known[each]);
          expect(lists.first(each)).toBe(known[each][0]);
        }
      }),
    );
  });

  it('can be emptied while they are walked through', () => {
    const lists = new EntryLists();
    const entries = Array.from({ length: 200 }, () => lists.add(RUNNING));
    const walked: number[] = [];
    for (const entry of lists.all(RUNNING)) {
      walked.push(entry);
      lists.remove(entry);
    }
    expect(walked).toEqual(entries);
    expect(lists.first(RUNNING)).toBeUndefined();
  });

  it('give the numbers of removed entries to new ones', () => {
    const lists = new EntryLists();
    const entry = lists.add(DONE);
    lists.remove(entry);
    expect(lists.add(RUNNING)).toBe(entry);
  });
});
