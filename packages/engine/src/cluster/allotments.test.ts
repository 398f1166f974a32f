import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LimitShare } from '../pace/allotment.ts';
import {
  ALLOTMENTS,
  DEMAND_SECONDS,
  divideAmongHomes,
  type HomeAllotment,
  NO_SHARE,
} from './allotments.ts';
import { followGrant } from './held-allotment.ts';

const LIMIT: LimitShare = { ratePerSecond: 100, burst: 20, concurrency: 10 };

/** A limit and the homes that spend it; each says what it has under way. */
class SharedLimit {
  limit: LimitShare;
  now = 1_000_000;
  rows: readonly HomeAllotment[] = [];
  readonly inFlight = new Map<string, number>();

  constructor(limit: LimitShare = LIMIT) {
    this.limit = limit;
  }

  ask(node: string, demand: number, accounts = 0): void {
    const known = this.rows.find(({ home }) => home.node === node);
    const row = known ?? {
      home: { node, epoch: 1 },
      demand,
      granted: NO_SHARE,
      confirmed: NO_SHARE,
      grant: 0,
      turnAt: 0,
    };
    this.rows = [...this.rows.filter((other) => other !== known), { ...row, demand, accounts }];
  }

  gone(node: string): void {
    this.rows = this.rows.filter(({ home }) => home.node !== node);
  }

  divide(): number {
    const grants = divideAmongHomes({ limit: this.limit, homes: this.rows, now: this.now });
    this.rows = this.rows.map((row) => {
      const given = grants.find(({ home }) => home.node === row.home.node);
      if (given === undefined) return row;
      const { share, grant, turnAt } = given;
      return { ...row, granted: share, grant, turnAt };
    });
    return grants.length;
  }

  confirm(node: string): void {
    this.rows = this.rows.map((row) => {
      if (row.home.node !== node) return row;
      const { confirm } = followGrant(row, this.inFlight.get(node) ?? 0);
      return confirm === null ? row : { ...row, confirmed: confirm.share };
    });
  }

  round(): number {
    const changes = this.divide();
    for (const { home } of this.rows) this.confirm(home.node);
    this.now += 1_000;
    return changes;
  }

  spends(node: string): LimitShare {
    const row = this.rows.find(({ home }) => home.node === node);
    return row === undefined ? NO_SHARE : followGrant(row, 0).spends;
  }
}

function sumOf(shares: readonly LimitShare[]): LimitShare {
  return shares.reduce(
    (sum, share) => ({
      ratePerSecond: sum.ratePerSecond + share.ratePerSecond,
      burst: sum.burst + share.burst,
      concurrency: sum.concurrency + share.concurrency,
    }),
    NO_SHARE,
  );
}

function larger(first: LimitShare, second: LimitShare): LimitShare {
  return {
    ratePerSecond: Math.max(first.ratePerSecond, second.ratePerSecond),
    burst: Math.max(first.burst, second.burst),
    concurrency: Math.max(first.concurrency, second.concurrency),
  };
}

describe('a limit that several homes spend', () => {
  it('is the first one’s whole as long as nobody else asks', () => {
    const shared = new SharedLimit();
    shared.ask('a', 5);
    shared.round();
    const { ratePerSecond, burst, concurrency } = shared.spends('a');
    expect(ratePerSecond).toBeCloseTo(100);
    expect(burst).toBeCloseTo(20);
    expect(concurrency).toBe(10);
  });

  it('is given to a late home within two rounds: one to lower, one to raise', () => {
    const shared = new SharedLimit();
    shared.ask('a', 10);
    shared.round();
    shared.ask('b', 10);
    shared.round();
    expect(shared.spends('b').ratePerSecond).toBe(0);
    expect(shared.spends('a').ratePerSecond).toBeCloseTo(50);
    shared.round();
    expect(shared.spends('b').ratePerSecond).toBeCloseTo(50);
    expect(shared.spends('b').concurrency).toBe(5);
  });

  it('is not given on before whoever has it has confirmed less', () => {
    const shared = new SharedLimit();
    shared.ask('a', 10);
    shared.round();
    shared.ask('b', 10);
    for (let round = 0; round < 5; round += 1) {
      shared.divide();
      shared.confirm('b');
    }
    expect(shared.spends('b')).toEqual(NO_SHARE);
  });

  it('is given on when the lease of whoever has it has ended', () => {
    const shared = new SharedLimit();
    shared.ask('a', 10);
    shared.round();
    shared.ask('b', 10);
    shared.gone('a');
    shared.round();
    expect(shared.spends('b').ratePerSecond).toBeCloseTo(100);
  });

  it('keeps slots for calls under way, which have to end before others begin', () => {
    const shared = new SharedLimit();
    shared.ask('a', 10);
    shared.round();
    shared.inFlight.set('a', 10);
    shared.ask('b', 10);
    for (let round = 0; round < 4; round += 1) shared.round();
    expect(shared.spends('a').concurrency).toBe(5);
    expect(shared.spends('b').concurrency).toBe(0);
    shared.inFlight.set('a', 7);
    for (let round = 0; round < 2; round += 1) shared.round();
    expect(shared.spends('b').concurrency).toBe(3);
  });

  describe('whose parts are accounts’', () => {
    const rates = (homes: readonly (readonly [accounts: number, perSecond: number])[]) => {
      const shared = new SharedLimit();
      for (const [index, [accounts, perSecond]] of homes.entries()) {
        shared.ask(`n${index}`, perSecond * DEMAND_SECONDS, accounts);
      }
      for (let round = 0; round < 6; round += 1) shared.round();
      return homes.map((_, index) => shared.spends(`n${index}`).ratePerSecond);
    };

    it('gives each home as much as its accounts have, however much they all want', () => {
      const [first = 0, second = 0, third = 0] = rates([
        [5, 1_000],
        [3, 90],
        [2, 4_000],
      ]);
      // But for the little that each home keeps in any case.
      expect(first).toBeCloseTo(50, -1);
      expect(second).toBeCloseTo(30, -1);
      expect(third).toBeCloseTo(20, -1);
    });

    it('gives what some accounts have no use for to the others', () => {
      const [one = 0, many = 0] = rates([
        [1, 1_000],
        [8, 10],
      ]);
      expect(one).toBeGreaterThan(85);
      expect(many).toBeGreaterThanOrEqual(10);
    });

    it('divides all of it, in whatever numbers accounts come', () => {
      const home = fc.tuple(fc.nat(20), fc.nat(300));
      fc.assert(
        fc.property(fc.array(home, { minLength: 1, maxLength: 5 }), (homes) => {
          const sum = rates(homes).reduce((total, rate) => total + rate, 0);
          expect(sum).toBeLessThanOrEqual(100);
          expect(sum).toBeGreaterThan(95);
        }),
      );
    });
  });

  it('follows demand, and a quiet home keeps enough to begin at once', () => {
    const shared = new SharedLimit();
    shared.ask('a', 90);
    shared.ask('b', 0);
    for (let round = 0; round < 3; round += 1) shared.round();
    expect(shared.spends('a').ratePerSecond).toBeCloseTo(98);
    expect(shared.spends('b').ratePerSecond).toBeCloseTo(2);
    expect(shared.spends('b').concurrency).toBeGreaterThanOrEqual(1);
    shared.ask('a', 10);
    shared.ask('b', 90);
    for (let round = 0; round < 3; round += 1) shared.round();
    expect(shared.spends('b').ratePerSecond).toBeCloseTo(88.4);
  });

  it('moves nothing for a small difference of demand', () => {
    const shared = new SharedLimit();
    shared.ask('a', 50);
    shared.ask('b', 50);
    for (let round = 0; round < 3; round += 1) shared.round();
    shared.ask('a', 55);
    expect(shared.round()).toBe(0);
  });

  it('that has no bound on calls at the same time moves no slots either', () => {
    const shared = new SharedLimit({ ...LIMIT, concurrency: 1_000_000 });
    shared.ask('a', 50);
    shared.ask('b', 50);
    for (let round = 0; round < 3; round += 1) shared.round();
    shared.ask('a', 52);
    expect(shared.round()).toBe(0);
  });

  it('with fewer slots than homes is taken in turns, and nobody waits for ever', () => {
    const shared = new SharedLimit({ ratePerSecond: 100, burst: 20, concurrency: 1 });
    const nodes = ['a', 'b', 'c'];
    for (const node of nodes) shared.ask(node, 5);
    const rounds = new Map(nodes.map((node) => [node, 0]));
    for (let round = 0; round < 60; round += 1) {
      shared.round();
      const holding = nodes.filter((node) => shared.spends(node).concurrency > 0);
      expect(holding.length).toBeLessThanOrEqual(1);
      for (const node of holding) rounds.set(node, (rounds.get(node) ?? 0) + 1);
    }
    for (const count of rounds.values()) expect(count).toBeGreaterThanOrEqual(12);
  });

  it('that is lowered is first lowered everywhere', () => {
    const shared = new SharedLimit();
    for (const node of ['a', 'b']) shared.ask(node, 5);
    for (let round = 0; round < 3; round += 1) shared.round();
    shared.limit = { ratePerSecond: 10, burst: 2, concurrency: 1 };
    shared.round();
    const sum = sumOf(shared.rows.map(({ home }) => shared.spends(home.node)));
    expect(sum.ratePerSecond).toBeLessThanOrEqual(10);
    expect(sum.concurrency).toBeLessThanOrEqual(1);
  });

  it('is never spent beyond what it is, whoever asks, confirms or dies in whatever order', () => {
    const happening = fc.record({
      what: fc.constantFrom('ask', 'divide', 'confirm', 'call', 'end', 'gone', 'later'),
      node: fc.constantFrom('a', 'b', 'c', 'd'),
      amount: fc.nat({ max: 20 }),
    });
    const limits = fc.record({
      ratePerSecond: fc.integer({ min: 1, max: 1_000 }),
      burst: fc.integer({ min: 1, max: 50 }),
      concurrency: fc.integer({ min: 1, max: 8 }),
    });
    fc.assert(
      fc.property(limits, fc.array(happening, { maxLength: 80 }), (limit, happenings) => {
        const shared = new SharedLimit(limit);
        for (const { what, node, amount } of happenings) {
          const inFlight = shared.inFlight.get(node) ?? 0;
          if (what === 'ask') shared.ask(node, amount);
          if (what === 'divide') shared.divide();
          if (what === 'confirm') shared.confirm(node);
          if (what === 'end' && inFlight > 0) shared.inFlight.set(node, inFlight - 1);
          if (what === 'later') shared.now += 1_000 * amount;
          if (what === 'call' && inFlight < shared.spends(node).concurrency) {
            shared.inFlight.set(node, inFlight + 1);
          }
          if (what === 'gone') {
            shared.gone(node);
            shared.inFlight.delete(node);
          }
          const used = sumOf(
            shared.rows.map(({ home }) =>
              larger(shared.spends(home.node), {
                ...NO_SHARE,
                concurrency: shared.inFlight.get(home.node) ?? 0,
              }),
            ),
          );
          const known = sumOf(shared.rows.map((row) => larger(row.granted, row.confirmed)));
          for (const sum of [used, known]) {
            expect(sum.ratePerSecond).toBeLessThanOrEqual(limit.ratePerSecond * (1 + 1e-9));
            expect(sum.burst).toBeLessThanOrEqual(limit.burst * (1 + 1e-9));
            expect(sum.concurrency).toBeLessThanOrEqual(limit.concurrency);
          }
        }
      }),
    );
  });

  it('comes to rest: nearly all of it is granted, and then nothing moves', () => {
    const demands = fc.array(fc.nat({ max: 50 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(demands, (all) => {
        const shared = new SharedLimit({ ...LIMIT, concurrency: 20 });
        for (const [index, demand] of all.entries()) {
          shared.ask(`node-${index}`, demand);
          shared.round();
        }
        for (let round = 0; round < 6; round += 1) shared.round();
        const sum = sumOf(shared.rows.map(({ home }) => shared.spends(home.node)));
        expect(sum.ratePerSecond).toBeGreaterThan(LIMIT.ratePerSecond * (1 - ALLOTMENTS.tolerance));
        expect(sum.concurrency).toBe(20);
        expect(shared.round()).toBe(0);
      }),
    );
  });
});
