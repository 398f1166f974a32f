import type { Id } from '../ports/operation.ts';

/** A node that may own slots, as all see it. */
export interface SlotHolder {
  readonly node: Id;
  /** It is about to stop: it gives all its slots away and takes none. */
  readonly isDraining: boolean;
}

export interface OwnedSlot {
  readonly slot: number;
  /** Null: nobody's. */
  readonly owner: Id | null;
}

export interface AssignmentInput {
  /** Whose part is asked for. */
  readonly node: Id;
  /** Every live node, this one among them. */
  readonly holders: readonly SlotHolder[];
  readonly slots: readonly OwnedSlot[];
  /** Slots that this node is giving up already, the first ones first. Default: none. */
  readonly leaving?: readonly number[];
  /** So many slots are being given up at the same time, at most, unless the node drains. Default 64. */
  readonly maxLeaving?: number;
}

/** What one node has to do so that everybody gets a fair share. */
export interface SlotAssignment {
  /** Free slots that are for this node. */
  readonly take: readonly number[];
  /** Its own slots that it has to hand over. One that was leaving and is not named here may stay. */
  readonly leave: readonly number[];
}

/** Slots that a node hands over at the same time when it has more than its share. */
export const MAX_LEAVING = 64;

/**
 * The part of one node in a division that every node works out by itself from the same rows: nobody is
 * asked, and two who see the same want different slots. Who owns more keeps one more where the number does
 * not divide, so that nothing moves which need not. A region says from where calls leave, not who admits
 * them, so it has no say here.
 *
 * Free slots are all taken at once, since nobody serves them; surplus slots move a few at a time, since each
 * of them pauses for as long as its calls under way last.
 */
export function assignSlots(input: AssignmentInput): SlotAssignment {
  const { node, holders, slots, leaving = [], maxLeaving = MAX_LEAVING } = input;
  const owned = countOwned(slots);
  const quotas = fairQuotas(holders, owned, slots.length);
  const mine = slots.filter(({ owner }) => owner === node).map(({ slot }) => slot);
  const surplus = Math.max(0, mine.length - (quotas.get(node) ?? 0));
  const isDraining = holders.some((holder) => holder.node === node && holder.isDraining);
  const count = isDraining ? mine.length : Math.min(surplus, Math.max(0, maxLeaving));
  return { take: freeFor(node, slots, owned, quotas), leave: firstToLeave(mine, leaving, count) };
}

/** How many slots each node ought to own: all the same, but for one more where the number does not divide. */
function fairQuotas(
  holders: readonly SlotHolder[],
  owned: ReadonlyMap<Id, number>,
  total: number,
): ReadonlyMap<Id, number> {
  const staying = holders
    .filter(({ isDraining }) => !isDraining)
    .map(({ node }) => ({ node, count: owned.get(node) ?? 0 }))
    .toSorted((first, second) => second.count - first.count || (first.node < second.node ? -1 : 1));
  const least = Math.floor(total / staying.length);
  const withOneMore = total % staying.length;
  return new Map(
    staying.map(({ node }, index) => [node, index < withOneMore ? least + 1 : least] as const),
  );
}

function countOwned(slots: readonly OwnedSlot[]): ReadonlyMap<Id, number> {
  const counts = new Map<Id, number>();
  for (const { owner } of slots) {
    if (owner !== null) counts.set(owner, (counts.get(owner) ?? 0) + 1);
  }
  return counts;
}

/** Free slots go round among the nodes that are short of some, until each has its quota. */
function freeFor(
  node: Id,
  slots: readonly OwnedSlot[],
  owned: ReadonlyMap<Id, number>,
  quotas: ReadonlyMap<Id, number>,
): readonly number[] {
  const free = slots.filter(({ owner }) => owner === null).map(({ slot }) => slot);
  const short = [...quotas]
    .map(([name, quota]) => ({ name, missing: quota - (owned.get(name) ?? 0) }))
    .filter(({ missing }) => missing > 0)
    .toSorted((first, second) => (first.name < second.name ? -1 : 1));
  const taken: number[] = [];
  for (let turn = 0, next = 0; next < free.length && turn < free.length; turn += 1) {
    for (const { name, missing } of short) {
      if (missing <= turn) continue;
      const slot = free[next];
      if (slot === undefined) return taken;
      next += 1;
      if (name === node) taken.push(slot);
    }
  }
  return taken;
}

/** Those that are leaving go on doing so; after them the highest numbers. */
function firstToLeave(
  mine: readonly number[],
  leaving: readonly number[],
  count: number,
): readonly number[] {
  const isMine = new Set(mine);
  const begun = leaving.filter((slot) => isMine.has(slot));
  const isBegun = new Set(begun);
  const others = mine.filter((slot) => !isBegun.has(slot)).toSorted((a, b) => b - a);
  return [...begun, ...others].slice(0, count);
}
