import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  applyOperation,
  type ClusterRows,
  emptyRows,
  isCurrent,
  viewAt,
} from './cluster-database.test-support.ts';
import { LEASE_TIMES } from './lease.ts';
import {
  joinedMember,
  type Member,
  MEMBERSHIP,
  planRound,
  renewal,
  type Round,
  type UnderWay,
} from './membership.ts';

const TOTAL = 30;

/** Nodes that have their rounds on one database, in a time that the test moves on. */
class Cluster {
  rows: ClusterRows = emptyRows(TOTAL);
  now = 1_000_000;
  readonly members = new Map<string, Member>();
  readonly busy = new Map<number, UnderWay>();
  readonly fenced = new Set<string>();

  join(node: string): void {
    this.rows = applyOperation(this.rows, { type: 'join', node, regions: [] }, this.now);
    const epoch = this.rows.fences.find((row) => row.node === node)?.epoch ?? 0;
    this.members.set(node, joinedMember(node, epoch));
  }

  /** The node is killed: its rows stay. */
  kill(node: string): void {
    this.members.delete(node);
  }

  drain(node: string): void {
    const member = this.members.get(node);
    if (member !== undefined) this.members.set(node, { ...member, isDraining: true });
  }

  plan(node: string): Round {
    const member = this.members.get(node);
    if (member === undefined) throw new Error(`${node} is not there`);
    this.rows = applyOperation(this.rows, renewal(member), this.now);
    return planRound({
      member,
      view: viewAt(this.rows, this.now),
      isLeaseAlive: true,
      now: this.now,
      underWayIn: (slot) => this.busy.get(slot) ?? 'nothing',
    });
  }

  round(node: string): Round {
    const round = this.plan(node);
    if (round.outcome === 'member') this.members.set(node, round.member);
    else this.members.delete(node);
    if (round.outcome === 'fenced') this.fenced.add(node);
    else this.apply(round);
    return round;
  }

  apply(round: Extract<Round, { readonly operations: unknown }>): void {
    for (const operation of round.operations) {
      this.rows = applyOperation(this.rows, operation, this.now);
    }
  }

  /** Everybody has a round, one after the other within a heartbeat. */
  heartbeats(count: number): void {
    for (let beat = 0; beat < count; beat += 1) {
      const nodes = [...this.members.keys()];
      for (const node of nodes) {
        this.now += LEASE_TIMES.heartbeatMs / nodes.length;
        this.round(node);
      }
      if (nodes.length === 0) this.now += LEASE_TIMES.heartbeatMs;
    }
  }

  owned(node: string): readonly number[] {
    return this.rows.slots
      .filter(({ owner }) => owner?.node === node && isCurrent(this.rows, owner))
      .map(({ slot }) => slot);
  }
}

function clusterOf(...nodes: readonly string[]): Cluster {
  const cluster = new Cluster();
  for (const node of nodes) cluster.join(node);
  cluster.heartbeats(4);
  return cluster;
}

describe('nodes of a cluster', () => {
  it('share all slots fairly, and serve what they own from the next round on', () => {
    const cluster = clusterOf('a', 'b', 'c');
    for (const node of ['a', 'b', 'c']) {
      expect(cluster.owned(node)).toHaveLength(10);
      expect(cluster.round(node)).toMatchObject({
        outcome: 'member',
        serves: cluster.owned(node),
        operations: [],
      });
    }
  });

  it('take over the slots of one that was killed within 5 s, and not while its lease may last', () => {
    const cluster = clusterOf('a', 'b', 'c');
    cluster.kill('c');
    const diedAt = cluster.now;
    while (cluster.owned('c').length > 0) {
      cluster.heartbeats(1);
      expect(cluster.now - diedAt).toBeLessThan(5_000);
    }
    expect(cluster.now - diedAt).toBeGreaterThanOrEqual(LEASE_TIMES.leaseMs);
    expect(cluster.owned('a')).toHaveLength(15);
    expect(cluster.owned('b')).toHaveLength(15);
    cluster.heartbeats(1);
    expect(cluster.rows.fences.map(({ node }) => node).toSorted()).toEqual(['a', 'b']);
  });

  it('tell one that was paused that it was fenced, and let it join again', () => {
    const cluster = clusterOf('a', 'b');
    const paused = cluster.members.get('b');
    cluster.kill('b');
    cluster.heartbeats(30);
    if (paused !== undefined) cluster.members.set('b', paused);
    expect(cluster.plan('b')).toEqual({ outcome: 'fenced' });
    cluster.join('b');
    cluster.heartbeats(6);
    expect(cluster.owned('b')).toHaveLength(15);
  });

  it('hand a slot over only when nothing is under way in it any more', () => {
    const cluster = clusterOf('a');
    for (const slot of cluster.owned('a')) cluster.busy.set(slot, 'calls');
    cluster.join('b');
    cluster.heartbeats(10);
    expect(cluster.owned('b')).toEqual([]);
    expect(cluster.round('a')).toMatchObject({ serves: { length: 15 } });
    cluster.busy.clear();
    cluster.heartbeats(3);
    expect(cluster.owned('b')).toHaveLength(15);
  });

  it('wait no longer for what is under way in it than they were told to', () => {
    const cluster = clusterOf('a');
    for (const slot of cluster.owned('a')) cluster.busy.set(slot, 'calls');
    cluster.join('b');
    cluster.heartbeats(3 + MEMBERSHIP.handOverMs / LEASE_TIMES.heartbeatMs);
    expect(cluster.owned('b')).toHaveLength(15);
  });

  it('wait for as long as it takes for a write that was not answered', () => {
    const cluster = clusterOf('a');
    for (const slot of cluster.owned('a')) cluster.busy.set(slot, 'writes');
    cluster.join('b');
    cluster.heartbeats(3 + (2 * MEMBERSHIP.handOverMs) / LEASE_TIMES.heartbeatMs);
    expect(cluster.owned('b')).toEqual([]);
  });

  it('keep a slot that they were about to hand over when the one to have it is gone', () => {
    const cluster = clusterOf('a');
    for (const slot of cluster.owned('a')) cluster.busy.set(slot, 'calls');
    cluster.join('b');
    cluster.heartbeats(2);
    cluster.kill('b');
    cluster.heartbeats(6);
    expect(cluster.round('a')).toMatchObject({ serves: { length: TOTAL } });
  });

  it('serve no slot again whose release they have asked for, though it has not been answered', () => {
    const cluster = clusterOf('a');
    cluster.join('b');
    cluster.heartbeats(1);
    const asked = cluster.plan('a');
    if (asked.outcome !== 'member') throw new Error('a is no member');
    expect(asked.operations).toMatchObject([{ type: 'release_slots', slots: { length: 15 } }]);
    // The request is lost on the way, or only late; nobody can tell.
    cluster.members.set('a', asked.member);
    cluster.kill('b');
    cluster.heartbeats(8);
    expect(cluster.owned('a')).toHaveLength(TOTAL);
    const versions = new Map(cluster.rows.slots.map(({ slot, version }) => [slot, version]));
    cluster.apply(asked);
    expect(new Map(cluster.rows.slots.map(({ slot, version }) => [slot, version]))).toEqual(
      versions,
    );
  });

  it('serve no slot again whose release they have asked for, though more is under way in it by now', () => {
    const cluster = clusterOf('a');
    cluster.join('b');
    cluster.heartbeats(1);
    const asked = cluster.plan('a');
    if (asked.outcome !== 'member') throw new Error('a is no member');
    cluster.members.set('a', asked.member);
    const released = [...asked.member.leaving.keys()];
    for (const slot of released) cluster.busy.set(slot, 'writes');
    cluster.rows = applyOperation(
      cluster.rows,
      { type: 'leave', node: 'b', epoch: 2 },
      cluster.now,
    );
    for (let round = 0; round < 3; round += 1) {
      const next = cluster.plan('a');
      if (next.outcome !== 'member') throw new Error('a is no member');
      cluster.members.set('a', next.member);
      expect(next.holds.filter((slot) => released.includes(slot))).toEqual([]);
    }
  });

  it('that drain hand over everything and are gone', () => {
    const cluster = clusterOf('a', 'b', 'c');
    cluster.drain('b');
    cluster.heartbeats(4);
    expect(cluster.members.has('b')).toBe(false);
    expect(cluster.rows.nodes.map(({ node }) => node)).toEqual(['a', 'c']);
    expect(cluster.owned('a')).toHaveLength(15);
  });

  it('fence nobody when the database comes back after it was away', () => {
    const cluster = clusterOf('a', 'b', 'c');
    cluster.now += 60_000;
    cluster.heartbeats(6);
    expect(cluster.fenced).toEqual(new Set());
    expect(cluster.owned('a')).toHaveLength(10);
  });

  it('take nothing and fence nobody without a lease of their own', () => {
    const cluster = clusterOf('a', 'b');
    const member = cluster.members.get('a');
    if (member === undefined) throw new Error('a is no member');
    const later = cluster.now + 10_000;
    const view = viewAt(cluster.rows, later);
    const slots = view.slots.map((row) => ({ ...row, owner: null }));
    const input = { view: { ...view, slots }, now: later, underWayIn: () => 'nothing' as const };
    const known = { ...member, answers: { since: 0, lastAt: later } };
    const without = planRound({ ...input, member: known, isLeaseAlive: false });
    expect(without).toMatchObject({ outcome: 'member', operations: [] });
    const within = planRound({ ...input, member: known, isLeaseAlive: true });
    // Its own row looks as old as the other one's: it does not take itself for dead.
    expect(within).toMatchObject({
      operations: [{ type: 'fence', node: 'b' }, { type: 'take_slots' }],
    });
  });

  it('come to fair shares after whatever has happened, and serve no slot twice on the way', () => {
    const names = ['a', 'b', 'c', 'd'];
    const happening = fc.record({
      what: fc.constantFrom('join', 'kill', 'drain', 'beat', 'busy', 'quiet', 'away'),
      node: fc.constantFrom(...names),
    });
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 30 }), (happenings) => {
        const cluster = clusterOf('z');
        for (const { what, node } of happenings) {
          if (what === 'join' && !cluster.members.has(node)) cluster.join(node);
          if (what === 'kill') cluster.kill(node);
          if (what === 'drain') cluster.drain(node);
          if (what === 'busy')
            for (const slot of cluster.owned(node)) cluster.busy.set(slot, 'calls');
          if (what === 'quiet') cluster.busy.clear();
          if (what === 'away') cluster.now += 20_000;
          cluster.heartbeats(1);
          const served = [...cluster.members.keys()].flatMap((name) => {
            const round = cluster.plan(name);
            return round.outcome === 'member' ? round.serves : [];
          });
          expect(new Set(served).size).toBe(served.length);
        }
        cluster.busy.clear();
        cluster.heartbeats(16);
        const sizes = [...cluster.members.keys()].map((node) => cluster.owned(node).length);
        expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(TOTAL);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
        expect(cluster.rows.fences).toHaveLength(sizes.length);
      }),
    );
  });
});
