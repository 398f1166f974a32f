import {
  createChance,
  createPace,
  DEFAULT_PACE,
  destinationKey,
  feedback,
  KeyPacer,
  type LimitShare,
  NO_SHARE,
  type PaceSettings,
} from '@ezthrottle/engine';
import { FakeClock } from '@ezthrottle/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DividedKey, DividedKeys } from '../cluster/division/divided-keys.ts';
import { HeldSlots } from '../cluster/ownership.ts';
import { LimitShares } from '../cluster/shares/limit-shares.ts';
import type { ShareRow, ShareRows } from '../cluster/shares/share-rows.ts';
import { MemoryShareRows } from '../cluster/shares/share-rows.test-support.ts';
import { DestinationAllotment } from './destination-allotment.ts';

const KEY = destinationKey('0195f6a0-0000-7000-8000-000000000001', 'https://a.test');
const SLOT = 7;
const SETTINGS: PaceSettings = {
  ...DEFAULT_PACE,
  ratePerSecond: 100,
  burst: 10,
  concurrency: 9,
  configured: true,
};
const NOTHING_TAUGHT = { ratePerSecond: 0, concurrency: 0 };
/** Of twenty requests to the database. */
const TROUBLES = [
  'lose_request',
  'lose_answer',
  'be_late',
  'be_late',
  'answer_late',
  'answer_late',
] as const;

/** A node that may have calls for the destination. */
interface Node {
  readonly held: HeldSlots;
  readonly shares: LimitShares;
  allotment: DestinationAllotment;
  pacer: KeyPacer;
  /** Nobody has called it here for long: nothing of it is in memory. */
  isForgotten: boolean;
  /** Accounts with calls here; 0: it calls nothing. */
  accounts: number;
  isAlive: boolean;
}

/** Nodes that call one destination, whose home moves from one to another. */
class Nodes {
  readonly clock = new FakeClock();
  readonly rows = new MemoryShareRows();
  readonly all: Node[] = [];
  readonly errors: unknown[] = [];
  settings = SETTINGS;
  divided: DividedKey | null = null;
  pauses: { readonly key: string; readonly forMs: number }[] = [];
  isTelling = true;
  most = NO_SHARE;
  /** What else a node reads of a slot before it takes it up. */
  takeUp: () => Promise<void> = () => Promise.resolve();
  /** Whose the slot is by its row. */
  #holder: Node | null = null;
  #moves = 0;

  constructor(count: number) {
    this.rows.holds = ({ node }) => node === this.nameOf(this.#holder);
    for (let index = 0; index < count; index += 1) this.#add(index);
    for (const { shares } of this.all) shares.start();
  }

  nameOf(node: Node | null): string {
    return node === null ? '' : `node ${this.all.indexOf(node)}`;
  }

  #add(index: number): void {
    const isAlive = (): boolean => this.all[index]?.isAlive === true;
    const held = new HeldSlots(isAlive);
    const shares = new LimitShares({
      rows: this.rows.of(),
      clock: this.clock,
      owner: { node: `node ${index}`, epoch: 1 },
      slots: () => held.slots(),
      mayAct: isAlive,
      settingsOf: () => this.all[index]?.allotment.whole() ?? null,
      homeKeys: {
        shared: () => this.#live(index)?.allotment.begin(),
        alone: () => this.#live(index)?.allotment.end(),
      },
      tell: (keys) => {
        if (!this.isTelling) return;
        for (const other of this.all) other.shares.heard(keys, () => SLOT);
      },
      onError: (error) => this.errors.push(error),
    });
    const fresh = this.#destination(held, shares);
    this.all.push({ held, shares, ...fresh, isForgotten: false, accounts: 0, isAlive: true });
  }

  #live(index: number): Node | null {
    const node = this.all[index];
    return node === undefined || node.isForgotten ? null : node;
  }

  #destination(held: HeldSlots, shares: LimitShares): Pick<Node, 'allotment' | 'pacer'> {
    const pace = createPace(this.settings, this.clock.monotonic());
    const pacer = new KeyPacer({
      key: KEY,
      pace,
      learns: true,
      circuit: null,
      countsArrivals: false,
    });
    const divided: DividedKeys = {
      partsOf: () => this.divided?.parts ?? 1,
      find: () => this.divided,
      pausedUntil: () => null,
      pause: (key, _slot, forMs) => this.pauses.push({ key, forMs }),
      onRead: () => undefined,
    };
    const allotment = new DestinationAllotment({
      key: KEY,
      slot: SLOT,
      pacer,
      lanes: new Map(),
      clock: this.clock,
      shares,
      divided,
      ownership: held,
      settings: () => this.settings,
      onChanged: () => this.look(),
    });
    return { allotment, pacer };
  }

  /** Nothing of the destination is left in a node's memory. */
  forget(node: Node): void {
    node.accounts = 0;
    node.allotment.close();
    node.isForgotten = true;
  }

  /** Calls of so many accounts are made at this node. */
  call(node: Node, accounts: number): void {
    node.accounts = accounts;
    if (accounts === 0) return;
    if (node.isForgotten) {
      const { allotment, pacer } = this.#destination(node.held, node.shares);
      node.allotment = allotment;
      node.pacer = pacer;
      node.isForgotten = false;
    }
    node.allotment.settle();
    for (let account = 0; account < accounts; account += 1) {
      for (let call = 0; call < 200; call += 1) {
        node.allotment.begun({ apiKey: 'key', userId: `${account}` });
      }
    }
    node.allotment.wanted();
    this.look();
  }

  /**
   * The slot goes to this node, as far as it was given back or its owner is dead.
   *
   * @param accounts With calls that stand there: they are taken up at once.
   */
  async move(to: Node, accounts = to.accounts): Promise<void> {
    const from = this.#holder;
    if (from === to || !to.isAlive) return;
    if (from?.isAlive === true) {
      from.held.delete([SLOT]);
      from.shares.leave([SLOT]);
      if (from.accounts > 0) from.allotment.begin();
    }
    this.look();
    this.#holder = to;
    this.#moves += 1;
    const move = this.#moves;
    try {
      await to.shares.prepare([SLOT]);
      await this.takeUp();
    } catch {
      if (move === this.#moves) this.#holder = null;
      return;
    }
    if (move !== this.#moves || !to.isAlive) return;
    to.held.add([SLOT]);
    this.call(to, accounts);
    await to.shares.gain();
    this.look();
  }

  kill(node: Node): void {
    node.isAlive = false;
    node.held.delete([SLOT]);
    this.rows.fenced.add(this.nameOf(node));
  }

  spends({ allotment, pacer, held, isAlive, isForgotten }: Node): LimitShare {
    if (!isAlive || isForgotten) return NO_SHARE;
    if (!allotment.isShared) return held.has(SLOT) ? this.settings : NO_SHARE;
    const { settings, allottedUntil } = pacer.pace;
    return allottedUntil === undefined ? settings : NO_SHARE;
  }

  look(): void {
    const sum = (of: (share: LimitShare) => number): number =>
      this.all.reduce((total, node) => total + of(this.spends(node)), 0);
    this.most = {
      ratePerSecond: Math.max(
        this.most.ratePerSecond,
        sum(({ ratePerSecond }) => ratePerSecond),
      ),
      burst: Math.max(
        this.most.burst,
        sum(({ burst }) => burst),
      ),
      concurrency: Math.max(
        this.most.concurrency,
        sum(({ concurrency }) => concurrency),
      ),
    };
  }

  async pass(ms: number, step = ms): Promise<void> {
    for (let passed = 0; passed < ms; passed += step) {
      for (const node of this.all) if (node.isAlive) this.call(node, node.accounts);
      this.rows.now += step;
      await this.clock.advance(step);
    }
  }
}

/** The next answer that this node has of the database is late: what it says is of before. */
function holdNextAnswer(
  nodes: Nodes,
  node: Node,
  meant: keyof ShareRows,
): {
  readonly isHeld: () => boolean;
  readonly release: () => void;
} {
  let release: (() => void) | null = null;
  let isMeant = true;
  nodes.rows.interfere = (asking, what) => {
    if (!isMeant || asking !== nodes.nameOf(node) || what !== meant) return 'nothing';
    isMeant = false;
    return 'answer_late';
  };
  nodes.rows.late = () =>
    new Promise((resolve) => {
      release = resolve;
    });
  return { isHeld: () => release !== null, release: () => release?.() };
}

/** All that follows without time passing has happened. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
}

/** What a node has written that asks for a share. */
function askingRow(node: string): ShareRow {
  const usage = { demand: 200, accounts: 4, waiting: 200, inFlight: 0, ratePerSecond: 0 };
  return {
    key: KEY,
    slot: SLOT,
    home: { node, epoch: 1 },
    usage,
    demand: 200,
    granted: NO_SHARE,
    confirmed: NO_SHARE,
    grant: 0,
    turnAt: 0,
    isFresh: false,
    isCurrent: true,
    seenAt: 1_000_000,
  };
}

function three(nodes: Nodes): readonly [Node, Node, Node] {
  const [first, second, third] = nodes.all;
  if (first === undefined || second === undefined || third === undefined) throw new Error('nodes');
  return [first, second, third];
}

describe('the pace of a destination that several nodes call', () => {
  test('is its home’s, whole and without a row, while nobody else calls it', async () => {
    const nodes = new Nodes(3);
    const [home] = three(nodes);
    await nodes.move(home);
    nodes.call(home, 5);
    await nodes.pass(3_000, 500);
    expect(home.allotment.isShared).toBe(false);
    expect(nodes.rows.rows).toEqual([]);
  });

  test('is shared by the accounts that each node calls it for', async () => {
    const nodes = new Nodes(3);
    const [home, second, third] = three(nodes);
    await nodes.move(home);
    for (const [node, accounts] of [
      [home, 2],
      [second, 5],
      [third, 3],
    ] as const) {
      nodes.call(node, accounts);
    }
    await nodes.pass(4_000, 500);
    for (const [node, rate] of [
      [home, 20],
      [second, 50],
      [third, 30],
    ] as const) {
      expect(Math.abs(nodes.spends(node).ratePerSecond - rate)).toBeLessThan(2);
    }
    expect(nodes.most.ratePerSecond).toBeLessThanOrEqual(100);
  });

  test('is its home’s again when the others call it no more', async () => {
    const nodes = new Nodes(3);
    const [home, second] = three(nodes);
    await nodes.move(home);
    nodes.call(home, 2);
    nodes.call(second, 2);
    await nodes.pass(2_000, 500);
    expect(home.allotment.isShared).toBe(true);
    second.accounts = 0;
    await nodes.pass(20_000, 500);
    expect(home.allotment.isShared).toBe(false);
    expect(home.pacer.pace).toMatchObject({ ratePerSecond: 100, allottedUntil: undefined });
    expect(home.pacer.pace.settings.part).toBeUndefined();
    await nodes.pass(12_000, 500);
    expect(nodes.rows.rows).toEqual([]);
  });

  test('is spent by nobody but at home before its home has granted anything', async () => {
    const nodes = new Nodes(3);
    const [, second] = three(nodes);
    nodes.call(second, 5);
    await nodes.pass(5_000, 500);
    expect(nodes.most).toEqual(NO_SHARE);
  });

  test('goes on as it was divided when its home has died', async () => {
    const nodes = new Nodes(3);
    const [home, second, third] = three(nodes);
    await nodes.move(home);
    for (const node of [home, second, third]) nodes.call(node, 3);
    await nodes.pass(4_000, 500);
    nodes.kill(home);
    await nodes.pass(1_000, 500);
    expect(nodes.spends(second).ratePerSecond).toBeCloseTo(33.3, 0);
    await nodes.move(third);
    await nodes.pass(4_000, 500);
    expect(nodes.spends(second).ratePerSecond).toBeCloseTo(50, 0);
    expect(nodes.spends(third).ratePerSecond).toBeCloseTo(50, 0);
    expect(nodes.most.ratePerSecond).toBeLessThanOrEqual(100);
  });

  test('is what is set now, and not what was set when it was shared', async () => {
    const nodes = new Nodes(2);
    nodes.settings = { ...SETTINGS, allowRaise: true, maxPerSecond: 500 };
    const [home, second] = nodes.all;
    if (home === undefined || second === undefined) throw new Error('two nodes');
    nodes.divided = {
      key: KEY,
      slot: SLOT,
      parts: 2,
      version: 1,
      ...home.allotment.taught(),
      pauseMs: 0,
    };
    await nodes.move(home);
    nodes.call(home, 2);
    nodes.call(second, 2);
    await nodes.pass(4_000, 500);
    expect(nodes.spends(home).ratePerSecond).toBeCloseTo(50, 0);
    nodes.settings = { ...nodes.settings, ratePerSecond: 10 };
    await nodes.pass(4_000, 500);
    expect(
      nodes.spends(home).ratePerSecond + nodes.spends(second).ratePerSecond,
    ).toBeLessThanOrEqual(10.001);
    nodes.settings = DEFAULT_PACE;
    second.accounts = 0;
    await nodes.pass(20_000, 500);
    expect(home.allotment.isShared).toBe(false);
    expect(home.pacer.pace.ratePerSecond).toBe(DEFAULT_PACE.ratePerSecond);
  });

  test('is told as a share of the whole while others have theirs, and when it has moved last', async () => {
    const nodes = new Nodes(2);
    const [home, second] = nodes.all;
    if (home === undefined || second === undefined) throw new Error('two nodes');
    await nodes.move(home);
    nodes.call(home, 2);
    expect(home.allotment.division()).toBeNull();
    nodes.divided = { key: KEY, slot: SLOT, parts: 2, version: 1, ...NOTHING_TAUGHT, pauseMs: 0 };
    nodes.call(second, 2);
    // Until it is granted one it has none, of a whole that is known.
    const whole = { ratePerSecond: 100, concurrency: 9 };
    expect(second.allotment.division()).toMatchObject({ whole, parts: 2 });
    await nodes.pass(4_000, 500);
    for (const { allotment } of nodes.all) {
      expect(allotment.division()).toMatchObject({ whole, parts: 2 });
    }
    const movedAt = home.allotment.division()?.movedAt ?? 0;
    await nodes.pass(5_000, 500);
    expect(home.allotment.division()?.movedAt).toBe(movedAt);
    home.accounts = 0;
    await nodes.pass(4_000, 500);
    expect(home.allotment.division()?.movedAt).toBeGreaterThan(movedAt);
    nodes.call(home, 2);
    second.accounts = 0;
    await nodes.pass(20_000, 500);
    expect(home.allotment.division()).toBeNull();
  });

  test('comes back only to what the target announced last, also where that is less', async () => {
    const nodes = new Nodes(2);
    nodes.settings = DEFAULT_PACE;
    const [home, second] = nodes.all;
    if (home === undefined || second === undefined) throw new Error('two nodes');
    home.pacer.pace = { ...home.pacer.pace, ratePerSecond: 60, learnedRate: 60 };
    nodes.divided = {
      key: KEY,
      slot: SLOT,
      parts: 2,
      version: 1,
      ...home.allotment.taught(),
      pauseMs: 0,
    };
    await nodes.move(home);
    nodes.call(home, 2);
    nodes.call(second, 2);
    await nodes.pass(4_000, 500);
    expect(second.pacer.pace.ratePerSecond).toBeCloseTo(30, 0);
    const answer = (headers: Readonly<Record<string, string>>): void => {
      const now = nodes.clock.monotonic();
      for (const { pacer } of [home, second]) {
        pacer.pace = feedback(pacer.pace, { status: 200, headers }, now, now);
      }
    };
    answer({ 'x-ezthrottle-rps': '10' });
    expect(second.pacer.pace.ratePerSecond).toBeCloseTo(5, 0);
    for (let answers = 0; answers < 60; answers += 1) {
      await nodes.pass(500, 500);
      answer({});
    }
    expect(home.pacer.pace.ratePerSecond + second.pacer.pace.ratePerSecond).toBeLessThan(10.5);
  });

  test('is what the destination was found to bear, and not what is supposed of unknown ones', async () => {
    const nodes = new Nodes(3);
    nodes.settings = DEFAULT_PACE;
    const [home, second] = three(nodes);
    home.pacer.pace = {
      ...home.pacer.pace,
      ratePerSecond: 500,
      concurrency: 40,
      learnedRate: 500,
      learnedConcurrency: 40,
    };
    nodes.divided = {
      key: KEY,
      slot: SLOT,
      parts: 2,
      version: 1,
      ...home.allotment.taught(),
      pauseMs: 0,
    };
    await nodes.move(home);
    nodes.call(home, 4);
    nodes.call(second, 4);
    await nodes.pass(4_000, 500);
    // Differences of less than 4 % of it move nothing.
    for (const { pacer } of [home, second]) {
      expect(Math.abs(pacer.pace.ratePerSecond - 250)).toBeLessThan(20);
    }
    expect(home.pacer.pace.ratePerSecond + second.pacer.pace.ratePerSecond).toBeCloseTo(500, 0);
    expect(second.pacer.pace.concurrency).toBe(20);
    second.accounts = 0;
    await nodes.pass(20_000, 500);
    expect(home.pacer.pace.ratePerSecond).toBeCloseTo(500, 3);
    expect(home.pacer.pace.concurrency).toBe(40);
  });

  test('stands still at all nodes when one of them was asked to wait', async () => {
    const nodes = new Nodes(3);
    const [home, second] = three(nodes);
    await nodes.move(home);
    nodes.call(home, 2);
    nodes.call(second, 2);
    await nodes.pass(1_000, 500);
    second.pacer.pause(nodes.clock.monotonic() + 3_000, nodes.clock.monotonic());
    second.allotment.paused();
    expect(nodes.pauses).toEqual([{ key: KEY, forMs: 3_000 }]);
  });

  test('is not spent whole by a new home that has looked while it took the slot up', async () => {
    const nodes = new Nodes(3);
    const [home, guest, next] = three(nodes);
    await nodes.move(home);
    nodes.call(guest, 4);
    await nodes.pass(4_000, 500);
    expect(nodes.spends(guest).ratePerSecond).toBeGreaterThan(50);
    // It finds out from what it has read, and not from what is in memory.
    nodes.forget(next);
    nodes.takeUp = () =>
      new Promise((resolve) => {
        nodes.clock.after(2_500, resolve);
      });
    const moved = nodes.move(next, 2);
    await nodes.pass(3_000, 500);
    await moved;
    expect(next.held.has(SLOT)).toBe(true);
    expect(nodes.most.ratePerSecond).toBeLessThanOrEqual(100);
  });

  test('is not spent whole because of what was read before the slot was lost, and has come again', async () => {
    const nodes = new Nodes(3);
    const [home, other, guest] = three(nodes);
    await nodes.move(home);
    await nodes.pass(2_000, 500);
    // Nobody else has a share yet when the home reads this.
    const answer = holdNextAnswer(nodes, home, 'read');
    await nodes.pass(1_000, 500);
    expect(answer.isHeld()).toBe(true);
    await nodes.move(other);
    nodes.call(guest, 4);
    await nodes.pass(4_000, 500);
    expect(nodes.spends(guest).ratePerSecond).toBeGreaterThan(50);
    await nodes.move(home, 2);
    answer.release();
    await nodes.pass(400, 100);
    expect(nodes.most.ratePerSecond).toBeLessThanOrEqual(100);
  });

  test('is granted to nobody by a home that spends it whole, whatever it has read before', async () => {
    const nodes = new Nodes(2);
    const [home, other] = nodes.all;
    if (home === undefined || other === undefined) throw new Error('two nodes');
    await nodes.move(home);
    await nodes.pass(2_000, 500);
    // Somebody asks, of which the home learns late.
    nodes.rows.rows = [askingRow('another node')];
    const answer = holdNextAnswer(nodes, home, 'read');
    await nodes.pass(1_000, 500);
    expect(answer.isHeld()).toBe(true);
    // Who asked is gone when the slot has come again, and asks once more.
    await nodes.move(other);
    nodes.rows.rows = [];
    await nodes.move(home, 2);
    expect(home.allotment.isShared).toBe(false);
    nodes.rows.rows = [askingRow('another node')];
    answer.release();
    await settled();
    expect(nodes.rows.rows).toMatchObject([{ granted: NO_SHARE }]);
  });

  test('is spent by nobody who has just given up a share, though calls come before that is known to be done', async () => {
    const nodes = new Nodes(2);
    const [home, guest] = nodes.all;
    if (home === undefined || guest === undefined) throw new Error('two nodes');
    await nodes.move(home);
    nodes.call(guest, 1);
    await nodes.pass(2_000, 500);
    expect(nodes.spends(guest).ratePerSecond).toBeGreaterThan(50);
    const answer = holdNextAnswer(nodes, guest, 'giveUp');
    guest.accounts = 0;
    await nodes.pass(16_000, 500);
    expect(answer.isHeld()).toBe(true);
    expect(nodes.rows.rows.filter(({ home }) => home.node === nodes.nameOf(guest))).toEqual([]);
    nodes.forget(guest);
    nodes.call(guest, 1);
    answer.release();
    await settled();
    expect(nodes.spends(guest)).toEqual(NO_SHARE);
    await nodes.pass(4_000, 500);
    expect(nodes.spends(guest).ratePerSecond).toBeGreaterThan(50);
  });

  test('is never exceeded by all together, whatever gets lost, whoever dies and wherever its home goes', async () => {
    const node = fc.nat(2);
    const happening = fc.oneof(
      fc.record({ what: fc.constant('call' as const), node, accounts: fc.nat(6) }),
      fc.record({ what: fc.constant('move' as const), node, accounts: fc.nat(2) }),
      fc.record({ what: fc.constant('forget' as const), node }),
      fc.record({
        what: fc.constant('later' as const),
        ms: fc.constantFrom(0, 1, 300, 1_000, 7_000, 12_000),
      }),
      fc.record({ what: fc.constant('tell' as const), isTelling: fc.boolean() }),
      fc.record({ what: fc.constant('die' as const), node: fc.constantFrom(0, 1) }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(happening, { maxLength: 60, size: 'max' }),
        fc.nat(),
        async (all, seed) => {
          const nodes = new Nodes(3);
          const chance = createChance(seed);
          nodes.rows.interfere = () => TROUBLES[Math.floor(chance() * 20)] ?? 'nothing';
          nodes.rows.late = () =>
            new Promise((resolve) => {
              nodes.clock.after(chance() * 3_000, resolve);
            });
          nodes.takeUp = () => (chance() < 0.5 ? nodes.rows.late() : Promise.resolve());
          const moves: Promise<void>[] = [];
          for (const one of all) {
            if (one.what === 'later') await nodes.pass(one.ms);
            if (one.what === 'tell') nodes.isTelling = one.isTelling;
            const meant = 'node' in one ? nodes.all[one.node] : undefined;
            if (meant?.isAlive !== true) continue;
            if (one.what === 'call') nodes.call(meant, one.accounts);
            if (one.what === 'forget') nodes.forget(meant);
            if (one.what === 'move') moves.push(nodes.move(meant, one.accounts));
            if (one.what === 'die') nodes.kill(meant);
            nodes.look();
          }
          expect(nodes.most.ratePerSecond).toBeLessThanOrEqual(SETTINGS.ratePerSecond);
          expect(nodes.most.burst).toBeLessThanOrEqual(SETTINGS.burst);
          expect(nodes.most.concurrency).toBeLessThanOrEqual(SETTINGS.concurrency);
          for (const { shares } of nodes.all) void shares.stop();
          await nodes.clock.advance(10_000);
          await Promise.all(moves);
        },
      ),
      { numRuns: 500 },
    );
  });
});
