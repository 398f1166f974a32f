import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lineName } from '../apply/line-name.ts';
import { SLOTS, slotOf, slotOfLimit } from './slot.ts';

interface SlotVector {
  readonly organization: string;
  readonly line: string;
  readonly slot: number;
}

interface Vectors {
  readonly cases: readonly SlotVector[];
  readonly limits: readonly {
    readonly organization: string;
    readonly key: string;
    readonly slot: number;
  }[];
}

const file = new URL('../../../../spec/vectors/slots.json', import.meta.url);
const vectors: Vectors = JSON.parse(readFileSync(file, 'utf8'));

describe('the slot of a line', () => {
  it.each(vectors.cases)('of $organization, $line is $slot', ({ organization, line, slot }) => {
    expect(slotOf(organization, line)).toBe(slot);
  });

  it.each(vectors.limits)('that divides the limit $key is $slot', ({ organization, key, slot }) => {
    expect(slotOfLimit(organization, key)).toBe(slot);
  });

  it('is that of its origin, whatever limits its calls count against', () => {
    const limits = fc.array(fc.string());
    fc.assert(
      fc.property(fc.uuid(), fc.nat(), limits, (organization, number, keys) => {
        const origin = `https://host-${number}.test`;
        const line = lineName({ origin, limits: keys });
        expect(slotOf(organization, line)).toBe(slotOf(organization, origin));
      }),
    );
  });

  it('of a part is another one than that of any other part', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.nat(), (organization, number) => {
        const origin = `https://host-${number}.test`;
        const slots = Array.from({ length: 16 }, (_, part) =>
          slotOf(organization, lineName({ origin, part, limits: ['a'] })),
        );
        expect(new Set(slots).size).toBe(16);
        expect(slots[0]).toBe(slotOf(organization, origin));
      }),
    );
  });

  it('is a whole number below the number of slots, for any text', () => {
    const text = fc
      .array(fc.nat({ max: 0xff_ff }), { maxLength: 20 })
      .map((codes) => String.fromCharCode(...codes));
    fc.assert(
      fc.property(text, text, (organization, line) => {
        const slot = slotOf(organization, line);
        expect(Number.isInteger(slot) && slot >= 0 && slot < SLOTS).toBe(true);
      }),
    );
  });

  it.each([
    ['destinations of one organization', (n: number) => ['organization', `https://h${n}.test`]],
    [
      'organizations with one destination',
      (n: number) => [`organization-${n}`, 'https://api.test'],
    ],
  ])('spreads %s evenly', (_what, keyOf) => {
    const counts = Array.from({ length: SLOTS }, () => 0);
    const expected = 100;
    for (let number = 0; number < SLOTS * expected; number += 1) {
      const [organization = '', origin = ''] = keyOf(number);
      const slot = slotOf(organization, origin);
      counts[slot] = (counts[slot] ?? 0) + 1;
    }
    // Thrown at random, the fullest of 1,024 slots has about 135 and the emptiest about 69.
    expect(Math.max(...counts)).toBeLessThan(1.5 * expected);
    expect(Math.min(...counts)).toBeGreaterThan(0.5 * expected);
  });
});
