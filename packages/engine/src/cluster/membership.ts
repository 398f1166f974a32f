import type { Id } from '../ports/operation.ts';
import { assignSlots, MAX_LEAVING } from './assign-slots.ts';
import type {
  ClusterOperation,
  ClusterView,
  FenceRow,
  NodeRow,
  SlotOwner,
  SlotRow,
} from './cluster-view.ts';
import {
  type DatabaseAnswers,
  databaseAnswered,
  LEASE_TIMES,
  type LeaseTimes,
  mayTakeOver,
} from './lease.ts';

export interface MembershipOptions {
  readonly times: LeaseTimes;
  /** Slots handed over at the same time by a node that stays. Default 64. */
  readonly maxLeaving: number;
  /**
   * How long a slot's calls under way are waited for before it is handed over all the same; what they give
   * is then refused, and they are made again. Milliseconds. Default 30,000.
   */
  readonly handOverMs: number;
}

export const MEMBERSHIP: MembershipOptions = {
  times: LEASE_TIMES,
  maxLeaving: MAX_LEAVING,
  handOverMs: 30_000,
};

/** A slot that its owner starts nothing in any more. */
export interface LeavingSlot {
  /** Monotonic milliseconds. */
  readonly since: number;
  /** Once it was asked for there is no way back: the request may be applied at any later moment. */
  readonly isReleaseSent: boolean;
}

/** What a node knows of itself from one round to the next. */
export interface Member {
  readonly node: Id;
  readonly epoch: number;
  readonly isDraining: boolean;
  readonly leaving: ReadonlyMap<number, LeavingSlot>;
  /** Null before its first round. */
  readonly answers: DatabaseAnswers | null;
}

/**
 * What a node still has to do with a slot in which it starts nothing any more.
 *
 * - `writes`: a commit that could arm, settle or save a pace has not been answered. It is waited for whatever
 *   the time: it would be applied after somebody else has begun there.
 * - `calls`: calls, deliveries, or what is armed and will be sent. They are waited for, within a bound.
 */
export type UnderWay = 'writes' | 'calls' | 'nothing';

export interface RoundInput {
  readonly member: Member;
  /** Read after the renewal, in the same transaction. */
  readonly view: ClusterView;
  /** Whether the lease that the renewal gave is (still) alive. */
  readonly isLeaseAlive: boolean;
  /** Monotonic milliseconds. */
  readonly now: number;
  readonly underWayIn: (slot: number) => UnderWay;
  readonly options?: MembershipOptions;
}

/** What one round of a node comes to. */
export type Round =
  /** It was fenced: it forgets all it has, and may join again. */
  | { readonly outcome: 'fenced' }
  /** It drains and owns nothing any more: with this operation it is gone. */
  | { readonly outcome: 'left'; readonly operations: readonly ClusterOperation[] }
  | {
      readonly outcome: 'member';
      readonly member: Member;
      /** Slots in which it may start (arm) work, as long as its lease is alive. */
      readonly serves: readonly number[];
      /** The same and those it is about to hand over: there it may still send what is armed. */
      readonly holds: readonly number[];
      /** To be applied in this order; a later one does not wait for an earlier one to succeed. */
      readonly operations: readonly ClusterOperation[];
    };

/** A node that has just joined. */
export function joinedMember(node: Id, epoch: number): Member {
  return { node, epoch, isDraining: false, leaving: new Map(), answers: null };
}

/** The first part of a round, sent before anything is read. */
export function renewal(member: Member, times: LeaseTimes = LEASE_TIMES): ClusterOperation {
  const { node, epoch, isDraining } = member;
  return { type: 'renew', node, epoch, isDraining, leaseMs: times.leaseMs };
}

/**
 * What a node does about its place in the cluster, once every heartbeat: fences the dead, takes its fair
 * part of what is nobody's, hands over what it has too much of. All nodes do the same by the same rows; none
 * leads. The rows are the truth: what was answered to an earlier request, or was not, is of no matter.
 */
export function planRound(input: RoundInput): Round {
  const { member, view, options = MEMBERSHIP } = input;
  const self: SlotOwner = { node: member.node, epoch: member.epoch };
  const epochs = new Map(view.fences.map(({ node, epoch }) => [node, epoch] as const));
  if (epochs.get(self.node) !== self.epoch) return { outcome: 'fenced' };
  const answers = databaseAnswered(member.answers, view.databaseNow, options.times);
  const dead = input.isLeaseAlive ? deadNodes(self.node, view, answers, options.times) : [];
  const live = view.nodes.filter(({ node }) => !dead.includes(node));
  const gone = new Set(dead);
  const ownerOf = ({ owner }: SlotRow): Id | null =>
    owner !== null && epochs.get(owner.node) === owner.epoch && !gone.has(owner.node)
      ? owner.node
      : null;
  const slots = view.slots.map((row) => ({ ...row, owner: ownerOf(row) }));
  const mine = slots.filter(({ owner }) => owner === self.node);
  if (member.isDraining && mine.length === 0) {
    return { outcome: 'left', operations: [{ type: 'leave', ...self }] };
  }
  const { take, leave } = assignSlots({
    node: self.node,
    holders: withSelf(live, member),
    slots,
    leaving: inOrder(member.leaving),
    maxLeaving: options.maxLeaving,
  });
  const owned = mine.map(({ slot }) => slot);
  const leaving = nextLeaving(input, new Set(leave), new Set(owned));
  const fences: readonly ClusterOperation[] = dead.flatMap((node) => {
    const epoch = epochs.get(node);
    const { takeMarginMs } = options.times;
    return epoch === undefined ? [] : [{ type: 'fence', node, epoch, takeMarginMs } as const];
  });
  const taken = new Set(input.isLeaseAlive ? take : []);
  const released = new Set(
    [...leaving].filter(([, { isReleaseSent }]) => isReleaseSent).map(first),
  );
  return {
    outcome: 'member',
    member: { ...member, leaving, answers },
    serves: owned.filter((slot) => !leaving.has(slot)),
    holds: owned.filter((slot) => !released.has(slot)),
    operations: [
      ...fences,
      ...about(
        'take_slots',
        self,
        slots.filter(({ slot }) => taken.has(slot)),
      ),
      ...about(
        'release_slots',
        self,
        mine.filter(({ slot }) => released.has(slot)),
      ),
      ...forgotten(self, view),
    ],
  };
}

function deadNodes(
  self: Id,
  { databaseNow, nodes }: ClusterView,
  { since: answeringSince }: DatabaseAnswers,
  times: LeaseTimes,
): readonly Id[] {
  return nodes
    .filter(
      ({ node, expiresAt }) =>
        node !== self && mayTakeOver({ databaseNow, expiresAt, answeringSince }, times),
    )
    .map(({ node }) => node);
}

/** The row of the node itself may be older than what it knows of itself. */
function withSelf(nodes: readonly NodeRow[], { node, isDraining }: Member) {
  return [...nodes.filter((row) => row.node !== node), { node, isDraining }];
}

function nextLeaving(
  { member, now, underWayIn, options = MEMBERSHIP }: RoundInput,
  leave: ReadonlySet<number>,
  mine: ReadonlySet<number>,
): ReadonlyMap<number, LeavingSlot> {
  const begun = [...member.leaving].filter(([slot]) => mine.has(slot));
  const kept = begun.filter(([slot, { isReleaseSent }]) => isReleaseSent || leave.has(slot));
  const all = new Map(kept);
  for (const slot of leave) {
    if (!all.has(slot)) all.set(slot, { since: now, isReleaseSent: false });
  }
  for (const [slot, { since, isReleaseSent }] of all) {
    // What was begun up to this round is under way in the next.
    const isReady = member.leaving.has(slot) && mayRelease(underWayIn(slot), now - since, options);
    all.set(slot, { since, isReleaseSent: isReleaseSent || isReady });
  }
  return all;
}

function mayRelease(underWay: UnderWay, forMs: number, options: MembershipOptions): boolean {
  if (underWay === 'writes') return false;
  return underWay === 'nothing' || forMs >= options.handOverMs;
}

function inOrder(leaving: ReadonlyMap<number, LeavingSlot>): readonly number[] {
  return [...leaving]
    .toSorted(
      ([, a], [, b]) => Number(b.isReleaseSent) - Number(a.isReleaseSent) || a.since - b.since,
    )
    .map(first);
}

function about(
  type: 'take_slots' | 'release_slots',
  owner: SlotOwner,
  slots: readonly { readonly slot: number; readonly version: number }[],
): readonly ClusterOperation[] {
  const seen = slots.map(({ slot, version }) => ({ slot, version }));
  return seen.length === 0 ? [] : [{ type, owner, slots: seen }];
}

/** Fences of nodes that are no more and to which nothing refers. */
function forgotten(self: SlotOwner, view: ClusterView): readonly ClusterOperation[] {
  const needed = new Set(view.nodes.map(({ node }) => node));
  for (const { owner } of view.slots) {
    if (owner !== null) needed.add(owner.node);
  }
  const fences: readonly FenceRow[] = view.fences.filter(({ node }) => !needed.has(node));
  return fences.length === 0 ? [] : [{ type: 'forget', owner: self, fences }];
}

function first<Key>([key]: readonly [Key, unknown]): Key {
  return key;
}
