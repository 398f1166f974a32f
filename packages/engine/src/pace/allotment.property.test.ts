import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { admit, release } from './admission.ts';
import { divideLimit, withAllotment } from './allotment.ts';
import { feedback } from './feedback.ts';
import { DEFAULT_PACE, PACE_LAW, type PaceSettings } from './pace-settings.ts';
import { createPace, intervalMs, type PaceState, spendBurst } from './pace-state.ts';

/** One limit, and what each of its homes does at its own pace. */
class Homes {
  readonly settings: PaceSettings;
  states: readonly PaceState[];
  now = 0;
  readonly sentAt: number[] = [];

  constructor(settings: PaceSettings, count: number) {
    this.settings = settings;
    const shares = divideLimit(
      settings,
      Array.from({ length: count }, () => 1),
      Number.MAX_VALUE,
    );
    this.states = shares.map((share) =>
      withAllotment(spendBurst(createPace(settings, 0), 0), settings, share, 0),
    );
  }

  /** Lowers first, as the protocol does; a home that gets nothing has its allotment ended. */
  divide(demands: readonly number[]): void {
    const shares = divideLimit(this.settings, demands, Number.MAX_VALUE);
    this.states = this.states.map((state, index) => {
      const share = shares[index];
      return share === undefined ? state : withAllotment(state, this.settings, share, this.now);
    });
  }

  /** Time passes, and all send whatever they may. Gives what their shares come to meanwhile, in calls. */
  sendFor(ms: number): number {
    const end = this.now + ms;
    let earned = 0;
    this.sendAll();
    while (this.now < end) {
      const step = Math.min(PACE_LAW.timerSlackMs, end - this.now);
      for (const state of this.states) if (mayGo(state)) earned += step / intervalMs(state);
      this.now += step;
      this.sendAll();
    }
    return earned;
  }

  sendAll(): void {
    for (const home of this.states.keys()) this.send(home, Number.MAX_SAFE_INTEGER);
  }

  /** As many calls as leave now; they are answered at once. */
  send(home: number, most: number): void {
    for (let call = 0; call < most; call += 1) {
      const state = this.states[home];
      if (state === undefined) return;
      const verdict = admit([{ key: 'limit', state }], this.now);
      const booked = verdict.verdict === 'go' ? verdict.states[0]?.state : undefined;
      if (booked === undefined) return;
      this.states = this.states.map((other, index) => (index === home ? release(booked) : other));
      this.sentAt.push(this.now);
    }
  }
}

function mayGo({ allottedUntil }: PaceState): boolean {
  return allottedUntil === Number.MAX_VALUE;
}

const happening = fc.oneof(
  fc.record({ what: fc.constant('send' as const), home: fc.nat({ max: 3 }) }),
  fc.record({ what: fc.constant('later' as const), ms: fc.nat({ max: 20_000 }) }),
  fc.record({
    what: fc.constant('divide' as const),
    demands: fc.array(fc.nat({ max: 9 }), { minLength: 4, maxLength: 4 }),
  }),
);

describe('a limit whose shares move from home to home', () => {
  it('is never exceeded over any time by more than its burst and one call of each home', () => {
    const limits = fc.record({
      ratePerSecond: fc.integer({ min: 1, max: 200 }),
      burst: fc.integer({ min: 1, max: 20 }),
    });
    fc.assert(
      fc.property(
        limits,
        fc.array(happening, { maxLength: 60, size: 'max' }),
        (limit, happenings) => {
          const settings = { ...DEFAULT_PACE, ...limit, configured: true, concurrency: 100 };
          const homes = new Homes(settings, 4);
          for (const each of happenings) {
            if (each.what === 'send') homes.send(each.home, 50);
            else if (each.what === 'later') homes.now += each.ms;
            else homes.divide(each.demands);
          }
          const slack = (limit.ratePerSecond * PACE_LAW.timerSlackMs) / 1_000;
          const { sentAt } = homes;
          for (const [from, start] of sentAt.entries()) {
            for (const [to, end] of sentAt.entries()) {
              if (to < from) continue;
              const most = (limit.ratePerSecond * (end - start)) / 1_000 + limit.burst + 4 + slack;
              expect(to - from + 1).toBeLessThanOrEqual(most + 1e-6);
            }
          }
        },
      ),
    );
  });

  it('loses nothing by being moved: while all have work, all that their shares come to is spent', () => {
    const limits = fc.record({
      ratePerSecond: fc.integer({ min: 1, max: 200 }),
      burst: fc.integer({ min: 1, max: 200 }),
    });
    const moves = fc.array(
      fc.record({
        ms: fc.nat({ max: 400 }),
        demands: fc.array(fc.nat({ max: 9 }), { minLength: 4, maxLength: 4 }),
      }),
      { maxLength: 25, size: 'max' },
    );
    fc.assert(
      fc.property(limits, moves, (limit, all) => {
        const settings = { ...DEFAULT_PACE, ...limit, configured: true, concurrency: 100 };
        const homes = new Homes(settings, 4);
        let [earned, ends] = [0, 0];
        for (const { ms, demands } of all) {
          earned += homes.sendFor(ms);
          ends += demands.filter((demand) => demand === 0).length;
          homes.divide(demands);
        }
        // Each may have had a part of a call left, then and whenever its share has ended.
        expect(homes.sentAt.length).toBeGreaterThan(earned - 4 - ends);
      }),
    );
  });

  it('does not give a burst twice: once where it was, and again where it went', () => {
    const settings = {
      ...DEFAULT_PACE,
      ratePerSecond: 10,
      burst: 20,
      configured: true,
      concurrency: 100,
    };
    const homes = new Homes(settings, 2);
    homes.divide([9, 1]);
    homes.now = 60_000;
    homes.send(0, 50);
    expect(homes.sentAt).toHaveLength(18);
    homes.divide([1, 9]);
    homes.send(1, 50);
    expect(homes.sentAt).toHaveLength(20);
  });

  it('lets nothing leave where the share is nothing, and has the burst earned anew afterwards', () => {
    const settings = { ...DEFAULT_PACE, ratePerSecond: 10, burst: 5, configured: true };
    const homes = new Homes(settings, 2);
    homes.now = 10_000;
    homes.divide([0, 1]);
    homes.send(0, 50);
    expect(homes.sentAt).toEqual([]);
    homes.now = 20_000;
    homes.divide([1, 0]);
    homes.send(0, 50);
    expect(homes.sentAt).toEqual([]);
    homes.now = 21_000;
    homes.send(0, 50);
    expect(homes.sentAt.length).toBeGreaterThan(2);
  });
});

describe('what a target announces of a limit that is divided', () => {
  const settings = { ...DEFAULT_PACE, ratePerSecond: 100, burst: 10, concurrency: 20 };

  function told(demands: readonly number[], headers: Readonly<Record<string, string>>) {
    const shares = divideLimit(settings, demands, Number.MAX_VALUE);
    return shares.map((share) => {
      const state = withAllotment(createPace(settings, 0), settings, share, 0);
      return feedback(state, { status: 200, headers }, 1_000, 1_000);
    });
  }

  const sumOf = (states: readonly PaceState[], of: (state: PaceState) => number): number =>
    states.reduce((sum, state) => sum + of(state), 0);

  it('is meant for all homes together', () => {
    const states = told([3, 1], { 'x-ezthrottle-rps': '40', 'x-ezthrottle-max-concurrent': '8' });
    expect(sumOf(states, ({ ratePerSecond }) => ratePerSecond)).toBeCloseTo(40);
    expect(sumOf(states, ({ concurrency }) => concurrency)).toBe(8);
  });

  it('raises no share above what it is', () => {
    const states = told([3, 1], { 'x-ezthrottle-rps': '900' });
    expect(sumOf(states, ({ ratePerSecond }) => ratePerSecond)).toBeCloseTo(100);
  });

  it('moves the rate of a limit that one home has as it does on one machine', () => {
    const [state] = told([1], { 'x-ezthrottle-rps': '900' });
    expect(state?.ratePerSecond).toBe(900);
  });

  it('moves along when a share grows', () => {
    const [small] = told([1, 1], { 'x-ezthrottle-rps': '40' });
    const [more] = divideLimit(settings, [3, 1], Number.MAX_VALUE);
    if (small === undefined || more === undefined) throw new Error('nothing was divided');
    expect(small.learnedRate).toBeCloseTo(20);
    expect(withAllotment(small, settings, more, 2_000).learnedRate).toBeCloseTo(30);
  });
});
