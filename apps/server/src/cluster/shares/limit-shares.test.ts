import { createChance, type LimitShare, NO_SHARE, type PaceSettings } from '@ezthrottle/engine';
import { FakeClock } from '@ezthrottle/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LimitShares } from './limit-shares.ts';
import { MemoryShareRows } from './share-rows.test-support.ts';

const KEY = 'limit 0195f6a0-0000-7000-8000-000000000001 calls';
const SLOT = 7;
const LIMIT: PaceSettings = {
  ratePerSecond: 20,
  burst: 4,
  concurrency: 3,
  floorPerSecond: 20,
  maxPerSecond: 20,
  configured: true,
  allowRaise: false,
};

/** Of twenty requests to the database. */
const TROUBLES = [
  'lose_request',
  'lose_answer',
  'be_late',
  'be_late',
  'be_late',
  'be_late',
] as const;

/** One node, and what it may spend. */
interface Home {
  readonly shares: LimitShares;
  spends: LimitShare;
  waiting: number;
  inFlight: number;
  isFresh: boolean;
  isAlive: boolean;
}

/** Nodes with one limit, which the first of those alive divides. */
class Nodes {
  readonly clock = new FakeClock();
  readonly rows = new MemoryShareRows();
  readonly homes: Home[] = [];
  readonly errors: unknown[] = [];
  limit = LIMIT;
  isTelling = true;
  /** The most that all spent together since the limit was changed last. */
  most = NO_SHARE;

  constructor(count: number) {
    for (let index = 0; index < count; index += 1) this.#add(index);
    for (const { shares } of this.homes) shares.start();
  }

  #add(index: number): void {
    const owner = { node: `node ${index}`, epoch: 1 };
    const shares = new LimitShares({
      rows: this.rows.of(),
      clock: this.clock,
      owner,
      slots: () => (this.homes.findIndex(({ isAlive }) => isAlive) === index ? [SLOT] : []),
      mayAct: () => this.homes[index]?.isAlive === true,
      settingsOf: () => this.limit,
      tell: (keys) => {
        if (!this.isTelling) return;
        for (const other of this.homes)
          if (other.shares !== shares) other.shares.heard(keys, () => SLOT);
      },
      onError: (error) => this.errors.push(error),
    });
    this.homes.push({
      shares,
      spends: NO_SHARE,
      waiting: 0,
      inFlight: 0,
      isFresh: false,
      isAlive: true,
    });
  }

  /** A call comes at this node. */
  use(home: Home): void {
    home.shares.use({
      key: KEY,
      slot: SLOT,
      usage: () => ({
        demand: home.waiting + home.inFlight,
        waiting: home.waiting,
        inFlight: home.inFlight,
        ratePerSecond: home.spends.ratePerSecond,
      }),
      refillMs: () => 200,
      follow: (share, isFresh) => {
        home.spends = share;
        home.isFresh = isFresh;
        this.look();
      },
    });
    home.shares.wanted(KEY);
  }

  look(): void {
    const alive = this.homes.filter(({ isAlive }) => isAlive);
    const sum = (of: (home: Home) => number): number =>
      alive.reduce((total, home) => total + of(home), 0);
    this.most = {
      ratePerSecond: Math.max(
        this.most.ratePerSecond,
        sum(({ spends }) => spends.ratePerSecond),
      ),
      burst: Math.max(
        this.most.burst,
        sum(({ spends }) => spends.burst),
      ),
      concurrency: Math.max(
        this.most.concurrency,
        sum(({ spends, inFlight }) => Math.max(spends.concurrency, inFlight)),
      ),
    };
  }

  async pass(ms: number): Promise<void> {
    this.rows.now += ms;
    await this.clock.advance(ms);
  }
}

function homesOf(nodes: Nodes): readonly [Home, Home, Home] {
  const [first, second, third] = nodes.homes;
  if (first === undefined || second === undefined || third === undefined) throw new Error('nodes');
  return [first, second, third];
}

describe('a limit that calls of several nodes count against', () => {
  test('is the only node’s that uses it, at once and with its burst', async () => {
    const nodes = new Nodes(3);
    const [, second] = homesOf(nodes);
    second.waiting = 5;
    nodes.use(second);
    await nodes.pass(1);
    expect(second.spends.ratePerSecond).toBeCloseTo(20);
    expect(second.spends.concurrency).toBe(3);
    expect(second.isFresh).toBe(true);
  });

  test('is shared with a node that comes later, who is told at once and has no burst to begin with', async () => {
    const nodes = new Nodes(3);
    const [first, second] = homesOf(nodes);
    for (const home of [first, second]) {
      home.waiting = 50;
      nodes.use(home);
      await nodes.pass(1);
    }
    expect(first.spends.ratePerSecond).toBeCloseTo(10);
    expect(second.spends.ratePerSecond).toBeCloseTo(10);
    expect(second.isFresh).toBe(false);
    expect(nodes.most.ratePerSecond).toBeLessThanOrEqual(20);
  });

  test('is shared within a few rounds when nobody is told anything', async () => {
    const nodes = new Nodes(3);
    nodes.isTelling = false;
    const homes = homesOf(nodes);
    for (const home of homes) {
      home.waiting = 50;
      nodes.use(home);
    }
    for (let round = 0; round < 5; round += 1) await nodes.pass(1_000);
    for (const { spends } of homes) {
      expect(spends.ratePerSecond).toBeGreaterThan(6);
      expect(spends.concurrency).toBe(1);
    }
  });

  test('is given back by a node that wants nothing of it any more', async () => {
    const nodes = new Nodes(3);
    const [first, second] = homesOf(nodes);
    for (const home of [first, second]) {
      home.waiting = 50;
      nodes.use(home);
    }
    await nodes.pass(10);
    second.waiting = 0;
    for (let round = 0; round < 3; round += 1) await nodes.pass(1_000);
    expect(first.spends.ratePerSecond).toBeGreaterThan(19);
    expect(first.spends.concurrency).toBe(3);
    expect(second.spends.ratePerSecond).toBeGreaterThan(0);
    for (let round = 0; round < 15; round += 1) await nodes.pass(1_000);
    expect(second.spends).toEqual(NO_SHARE);
    expect(nodes.rows.rows).toHaveLength(1);
    second.waiting = 50;
    second.shares.wanted(KEY);
    await nodes.pass(10);
    expect(second.spends.ratePerSecond).toBeCloseTo(10);
  });

  test('gives no burst anew to whoever takes it away and puts it again, here or at another node', async () => {
    const nodes = new Nodes(3);
    const [first, second] = homesOf(nodes);
    first.waiting = 5;
    nodes.use(first);
    await nodes.pass(10);
    expect(first.isFresh).toBe(true);
    first.shares.drop(KEY, 15_000);
    await nodes.pass(2_000);
    for (const home of [first, second]) {
      home.waiting = 5;
      nodes.use(home);
      await nodes.pass(2_000);
      expect(home.isFresh).toBe(false);
      expect(home.spends.ratePerSecond).toBeGreaterThan(9);
    }
  });

  test('that was taken away is forgotten when nothing that was spent of it can be missed', async () => {
    const nodes = new Nodes(3);
    const [first, second] = homesOf(nodes);
    first.waiting = 5;
    nodes.use(first);
    await nodes.pass(10);
    first.shares.drop(KEY, 15_000);
    await nodes.pass(14_000);
    expect(nodes.rows.rows).toHaveLength(1);
    await nodes.pass(3_000);
    expect(nodes.rows.rows).toEqual([]);
    second.waiting = 5;
    nodes.use(second);
    await nodes.pass(10);
    expect(second.isFresh).toBe(true);
  });

  test('passes on slots of calls under way as soon as they end', async () => {
    const nodes = new Nodes(3);
    const [first, second] = homesOf(nodes);
    first.waiting = 50;
    nodes.use(first);
    await nodes.pass(10);
    first.inFlight = 3;
    second.waiting = 50;
    nodes.use(second);
    await nodes.pass(10);
    expect(second.spends.concurrency).toBe(0);
    first.inFlight = 1;
    first.shares.freed(KEY);
    await nodes.pass(10);
    expect(second.spends.concurrency).toBeGreaterThan(0);
    expect(nodes.most.concurrency).toBeLessThanOrEqual(3);
  });

  test('is divided on when the node that divided it, and spent of it, has died', async () => {
    const nodes = new Nodes(3);
    const homes = homesOf(nodes);
    for (const home of homes) {
      home.waiting = 50;
      nodes.use(home);
    }
    await nodes.pass(10);
    homes[0].isAlive = false;
    nodes.rows.fenced.add('node 0');
    await nodes.pass(1_000);
    await nodes.pass(1_000);
    expect(homes[1].spends.ratePerSecond).toBeCloseTo(10);
    expect(homes[2].spends.ratePerSecond).toBeCloseTo(10);
    // What the dead one has spent is not forgotten before it can be missed.
    expect(nodes.rows.rows).toHaveLength(3);
    for (let round = 0; round < 25; round += 1) await nodes.pass(1_000);
    expect(nodes.rows.rows).toHaveLength(2);
  });

  test('that is lowered is kept by all of them', async () => {
    const nodes = new Nodes(3);
    const homes = homesOf(nodes);
    for (const home of homes) {
      home.waiting = 50;
      nodes.use(home);
    }
    await nodes.pass(10);
    nodes.limit = { ...LIMIT, ratePerSecond: 6, concurrency: 1 };
    for (const { shares } of homes) shares.wake();
    await nodes.pass(1_000);
    nodes.most = NO_SHARE;
    nodes.look();
    await nodes.pass(3_000);
    expect(nodes.most.ratePerSecond).toBeLessThanOrEqual(6);
    expect(nodes.most.ratePerSecond).toBeGreaterThan(5.9);
    expect(nodes.most.concurrency).toBe(1);
  });

  test('is never spent beyond what it is, whatever gets lost and whoever dies', async () => {
    const happening = fc.oneof(
      fc.record({ what: fc.constant('work' as const), home: fc.nat(2), waiting: fc.nat(60) }),
      fc.record({ what: fc.constant('begin' as const), home: fc.nat(2) }),
      fc.record({ what: fc.constant('end' as const), home: fc.nat(2) }),
      fc.record({
        what: fc.constant('later' as const),
        ms: fc.constantFrom(0, 1, 300, 1_000, 7_000),
      }),
      fc.record({ what: fc.constant('tell' as const), isTelling: fc.boolean() }),
      fc.record({ what: fc.constant('die' as const), home: fc.constantFrom(0, 1) }),
    );
    const happenings = fc.array(happening, { maxLength: 80, size: 'max' });
    await fc.assert(
      fc.asyncProperty(happenings, fc.nat(), async (all, seed) => {
        const nodes = new Nodes(3);
        const chance = createChance(seed);
        nodes.rows.interfere = () => TROUBLES[Math.floor(chance() * 20)] ?? 'nothing';
        nodes.rows.late = () =>
          new Promise((resolve) => {
            nodes.clock.after(chance() * 3_000, resolve);
          });
        for (const one of all) {
          const home = 'home' in one ? nodes.homes[one.home] : undefined;
          if (one.what === 'later') await nodes.pass(one.ms);
          if (one.what === 'tell') nodes.isTelling = one.isTelling;
          if (home?.isAlive !== true) continue;
          if (one.what === 'work') {
            home.waiting = one.waiting;
            nodes.use(home);
          }
          if (one.what === 'begin' && home.inFlight < home.spends.concurrency) home.inFlight += 1;
          if (one.what === 'end' && home.inFlight > 0) {
            home.inFlight -= 1;
            home.shares.freed(KEY);
          }
          if (one.what === 'die') {
            home.isAlive = false;
            nodes.rows.fenced.add(`node ${one.home}`);
          }
          nodes.look();
        }
        expect(nodes.most.ratePerSecond).toBeLessThanOrEqual(LIMIT.ratePerSecond);
        expect(nodes.most.burst).toBeLessThanOrEqual(LIMIT.burst);
        expect(nodes.most.concurrency).toBeLessThanOrEqual(LIMIT.concurrency);
        const stopped = Promise.all(nodes.homes.map(({ shares }) => shares.stop()));
        await nodes.pass(10_000);
        await stopped;
      }),
      { numRuns: 1_000 },
    );
  });
});
