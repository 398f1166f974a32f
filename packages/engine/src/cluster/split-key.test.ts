import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SLOTS } from './slot.ts';
import { type KeyParts, keyParts, partOfAccount, slotsToPart } from './split-key.ts';

const anyAccount = fc.record({ apiKey: fc.uuid(), userId: fc.string() });

function steps(from: KeyParts, callsPerSecond: number, accounts: number): readonly KeyParts[] {
  const seen = [from];
  for (let round = 0; round < 8; round += 1) {
    seen.push(keyParts(seen.at(-1) ?? from, { callsPerSecond, accounts }));
  }
  return seen;
}

describe('a destination that is too hot for one node', () => {
  it('is divided step by step until each part is within what a node does', () => {
    expect(steps(1, 9_000, 100).slice(0, 5)).toEqual([1, 2, 4, 8, 8]);
  });

  it('becomes whole again when its load has gone', () => {
    expect(steps(8, 10, 100).slice(0, 4)).toEqual([8, 4, 2, 1]);
  });

  it('is never divided into more parts than it has accounts', () => {
    expect(steps(1, 50_000, 1).at(-1)).toBe(1);
    expect(steps(1, 50_000, 5).at(-1)).toBe(4);
    expect(steps(8, 50_000, 2).at(-1)).toBe(2);
  });

  it('is not divided and joined to and fro at the same load', () => {
    fc.assert(
      fc.property(fc.nat({ max: 60_000 }), fc.nat({ max: 40 }), (callsPerSecond, accounts) => {
        const seen = steps(1, callsPerSecond, accounts);
        expect(seen.at(-1)).toBe(seen.at(-2));
      }),
    );
  });
});

describe('the part of an account', () => {
  it('stays the same or is the new half of it when parts are doubled', () => {
    fc.assert(
      fc.property(anyAccount, fc.constantFrom<KeyParts>(1, 2, 4, 8), (account, parts) => {
        const before = partOfAccount(account, parts);
        const after = partOfAccount(account, doubled(parts));
        expect([before, before + parts]).toContain(after);
      }),
    );
  });

  it('is one of as many as there are, about as often as any other', () => {
    const counts = new Map<number, number>();
    for (let user = 0; user < 8_000; user += 1) {
      const part = partOfAccount({ apiKey: 'key', userId: `user-${user}` }, 8);
      counts.set(part, (counts.get(part) ?? 0) + 1);
    }
    expect(new Set(counts.keys())).toEqual(new Set([0, 1, 2, 3, 4, 5, 6, 7]));
    expect(Math.min(...counts.values())).toBeGreaterThan(850);
  });
});

describe('the home of a part', () => {
  const homes = (parts: number, ownerOf: (slot: number) => number, home: number): number => {
    const slots = Array.from({ length: parts }, (_, part) => (home + slotsToPart(part)) % SLOTS);
    return new Set(slots.map(ownerOf)).size;
  };

  it('is the key’s own for the first, and another one for each of the others', () => {
    expect(slotsToPart(0)).toBe(0);
    expect(new Set(Array.from({ length: 16 }, (_, part) => slotsToPart(part) % SLOTS)).size).toBe(
      16,
    );
  });

  it.each([
    [
      'stretches of slots next to each other',
      (slot: number, nodes: number) => Math.floor((slot * nodes) / SLOTS),
    ],
    ['every so-manieth slot', (slot: number, nodes: number) => slot % nodes],
  ])('of one of eight is at every node where nodes have %s', (_, ownerOf) => {
    fc.assert(
      fc.property(fc.nat({ max: SLOTS - 1 }), fc.constantFrom(2, 3, 4), (home, nodes) => {
        expect(homes(8, (slot) => ownerOf(slot, nodes), home)).toBe(nodes);
      }),
    );
  });
});

function doubled(parts: KeyParts): KeyParts {
  return keyParts(parts, { callsPerSecond: 1_000_000, accounts: 100 });
}
