import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SLOTS, slotOf } from './slot.ts';
import { type KeyParts, keyParts, splitSlotOf } from './split-key.ts';

const anyAccount = fc.record({ apiKey: fc.uuid(), userId: fc.string() });
const ORIGIN = 'https://api.example.com';

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

describe('the slot of an account', () => {
  it('is the line’s as long as the key is whole', () => {
    fc.assert(
      fc.property(anyAccount, (account) => {
        expect(splitSlotOf('organization', ORIGIN, account, 1)).toBe(
          slotOf('organization', ORIGIN),
        );
      }),
    );
  });

  it('stays where it is or moves to the new half when parts are doubled', () => {
    fc.assert(
      fc.property(anyAccount, fc.constantFrom<KeyParts>(1, 2, 4, 8), (account, parts) => {
        const before = splitSlotOf('organization', ORIGIN, account, parts);
        const after = splitSlotOf('organization', ORIGIN, account, doubled(parts));
        expect([before, (before + parts) % SLOTS]).toContain(after);
      }),
    );
  });

  it('is one of as many slots as there are parts, about as often as any other', () => {
    const counts = new Map<number, number>();
    for (let user = 0; user < 8_000; user += 1) {
      const account = { apiKey: 'key', userId: `user-${user}` };
      const slot = splitSlotOf('organization', ORIGIN, account, 8);
      counts.set(slot, (counts.get(slot) ?? 0) + 1);
    }
    expect(counts.size).toBe(8);
    expect(Math.min(...counts.values())).toBeGreaterThan(850);
  });
});

function doubled(parts: KeyParts): KeyParts {
  return keyParts(parts, { callsPerSecond: 1_000_000, accounts: 100 });
}
