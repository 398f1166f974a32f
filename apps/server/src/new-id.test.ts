import { FakeClock } from '@ezthrottle/testkit';
import { describe, expect, it } from 'vitest';
import { createNewId } from './new-id.ts';

describe('identifiers of jobs', () => {
  it('are UUIDs of version 7 that carry the time', () => {
    const clock = new FakeClock(0x0123456789ab);
    expect(createNewId(clock)()).toMatch(
      /^01234567-89ab-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/,
    );
  });

  it('differ and grow, within a millisecond and when the clock goes back', () => {
    let now = 1_000_000;
    const newId = createNewId({ now: () => now });
    const ids = Array.from({ length: 2_000 }, (_, index) => {
      if (index % 500 === 499) now -= 1;
      if (index % 700 === 699) now += 3;
      return newId();
    });
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.toSorted()).toEqual(ids);
  });

  it('do not share their random ends', () => {
    const newId = createNewId(new FakeClock());
    const ends = Array.from({ length: 600 }, () => newId().slice(-10));
    expect(new Set(ends).size).toBe(ends.length);
  });
});
