import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assignSlots, MAX_LEAVING, type OwnedSlot, type SlotHolder } from './assign-slots.ts';

const TOTAL = 1024;

function names(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `node-${index}`);
}

function holding(
  nodes: readonly string[],
  draining: readonly string[] = [],
): readonly SlotHolder[] {
  return nodes.map((node) => ({ node, isDraining: draining.includes(node) }));
}

function ownedBy(ownerOf: (slot: number) => string | null, total = TOTAL): readonly OwnedSlot[] {
  return Array.from({ length: total }, (_, slot) => ({ slot, owner: ownerOf(slot) }));
}

/** Everybody does its part at the same moment; what leaves is free in the next round. */
function oneRound(
  holders: readonly SlotHolder[],
  slots: readonly OwnedSlot[],
): readonly OwnedSlot[] {
  const owners = new Map(slots.map(({ slot, owner }) => [slot, owner] as const));
  for (const { node } of holders) {
    const { take, leave } = assignSlots({ node, holders, slots });
    for (const slot of leave) owners.set(slot, null);
    for (const slot of take) owners.set(slot, node);
  }
  return [...owners].map(([slot, owner]) => ({ slot, owner }));
}

function counts(nodes: readonly string[], slots: readonly OwnedSlot[]): readonly number[] {
  return nodes.map((node) => slots.filter(({ owner }) => owner === node).length);
}

function spread(values: readonly number[]): number {
  return Math.max(...values) - Math.min(...values);
}

const anyCluster = fc
  .record({
    nodes: fc.integer({ min: 1, max: 9 }),
    total: fc.integer({ min: 1, max: 200 }),
    draining: fc.array(fc.integer({ min: 1, max: 8 }), { maxLength: 3 }),
  })
  .chain(({ nodes, total, draining }) =>
    fc.record({
      nodes: fc.constant(names(nodes)),
      // The first one always stays.
      draining: fc.constant(names(nodes).filter((_, index) => draining.includes(index))),
      owners: fc.array(fc.option(fc.integer({ min: 0, max: nodes - 1 })), {
        minLength: total,
        maxLength: total,
      }),
    }),
  )
  .map(({ nodes, draining, owners }) => ({
    nodes,
    staying: nodes.filter((node) => !draining.includes(node)),
    holders: holding(nodes, draining),
    slots: owners.map((owner, slot) => ({
      slot,
      owner: owner === null ? null : (nodes[owner] ?? null),
    })),
  }));

describe('slots among nodes', () => {
  it('are all taken in one round when a node stands alone', () => {
    const { take, leave } = assignSlots({
      node: 'node-0',
      holders: holding(['node-0']),
      slots: ownedBy(() => null),
    });
    expect(take).toHaveLength(TOTAL);
    expect(leave).toEqual([]);
  });

  it('of a dead node are all taken by the others in one round, each a fair part', () => {
    const nodes = names(3);
    const before = ownedBy((slot) => nodes[slot % 3] ?? null);
    const survivors = nodes.slice(0, 2);
    const freed = before.map(({ slot, owner }) => ({
      slot,
      owner: owner === 'node-2' ? null : owner,
    }));
    const after = oneRound(holding(survivors), freed);
    expect(counts(survivors, after)).toEqual([512, 512]);
    const moved = after.filter(({ slot, owner }) => before[slot]?.owner !== owner);
    expect(moved).toHaveLength(341);
  });

  it('pass to a node that joins a few at a time, and no more than its share', () => {
    const nodes = names(3);
    let slots = ownedBy((slot) => nodes[slot % 2] ?? null);
    const before = slots;
    let rounds = 0;
    while (spread(counts(nodes, slots)) > 1) {
      const { leave } = assignSlots({ node: 'node-0', holders: holding(nodes), slots });
      expect(leave.length).toBeLessThanOrEqual(MAX_LEAVING);
      slots = oneRound(holding(nodes), slots);
      rounds += 1;
      expect(rounds).toBeLessThan(10);
    }
    const moved = slots.filter(({ slot, owner }) => before[slot]?.owner !== owner);
    expect(moved).toHaveLength(341);
    expect(moved.every(({ owner }) => owner === 'node-2')).toBe(true);
  });

  it('of a node that drains are given away all at once', () => {
    const nodes = names(2);
    const slots = ownedBy((slot) => nodes[slot % 2] ?? null);
    const { leave, take } = assignSlots({
      node: 'node-1',
      holders: holding(nodes, ['node-1']),
      slots,
    });
    expect(leave).toHaveLength(512);
    expect(take).toEqual([]);
  });

  it('stay where they are when the last node drains: somebody else has to come first', () => {
    const holders = holding(['node-0'], ['node-0']);
    const { take } = assignSlots({ node: 'node-0', holders, slots: ownedBy(() => null) });
    expect(take).toEqual([]);
  });

  it('that are leaving go on doing so, and may stay when there is no surplus any more', () => {
    const nodes = names(2);
    const slots = ownedBy((slot) => (slot < 8 ? 'node-0' : null), 10);
    const input = { node: 'node-0', slots, leaving: [3, 1] };
    expect(assignSlots({ ...input, holders: holding(nodes) }).leave).toEqual([3, 1, 7]);
    expect(assignSlots({ ...input, holders: holding(['node-0']) }).leave).toEqual([]);
  });

  it('are wanted by one node each', () => {
    fc.assert(
      fc.property(anyCluster, ({ nodes, holders, slots }) => {
        const taken = nodes.flatMap((node) => assignSlots({ node, holders, slots }).take);
        const free = slots.filter(({ owner }) => owner === null).map(({ slot }) => slot);
        expect(taken.toSorted((a, b) => a - b)).toEqual(free);
      }),
    );
  });

  it('come to fair shares within one of each other, and then nothing moves', () => {
    fc.assert(
      fc.property(anyCluster, ({ holders, slots: start, staying, nodes }) => {
        let slots: readonly OwnedSlot[] = start;
        for (let round = 0; round < 8; round += 1) slots = oneRound(holders, slots);
        expect(spread(counts(staying, slots))).toBeLessThanOrEqual(1);
        expect(slots.every(({ owner }) => owner !== null && staying.includes(owner))).toBe(true);
        for (const node of nodes) {
          expect(assignSlots({ node, holders, slots })).toEqual({ take: [], leave: [] });
        }
      }),
    );
  });

  it('move no more often than the fair shares ask for', () => {
    fc.assert(
      fc.property(anyCluster, ({ holders, slots: start, staying }) => {
        const owned = counts(staying, start).toSorted((a, b) => b - a);
        const least = Math.floor(start.length / staying.length);
        const withOneMore = start.length % staying.length;
        const kept = owned.reduce(
          (sum, count, index) => sum + Math.min(count, index < withOneMore ? least + 1 : least),
          0,
        );
        let slots: readonly OwnedSlot[] = start;
        for (let round = 0; round < 8; round += 1) slots = oneRound(holders, slots);
        const same = slots.filter(({ slot, owner }) => start[slot]?.owner === owner);
        expect(same).toHaveLength(kept);
      }),
    );
  });
});
