import {
  admit,
  createChance,
  createPace,
  effectiveBurst,
  intervalMs,
  KeyPacer,
  type PaceSettings,
} from '@ezthrottle/engine';
import { FakeClock } from '@ezthrottle/testkit';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LimitShares } from './limit-shares.ts';
import { MemoryShareRows } from './share-rows.test-support.ts';

const KEY = 'limit 0195f6a0-0000-7000-8000-000000000001 calls';
const SLOT = 7;
const HOMES = 3;
/** What timers that wake late are given. */
const SLACK_MS = 5;

/** One node that spends the limit: calls enough, or none. */
interface Home {
  readonly shares: LimitShares;
  readonly pacer: KeyPacer;
  hasWork: boolean;
  isAlive: boolean;
}

/** Nodes that divide a limit and spend what they are given, call by call. */
class Spending {
  readonly clock = new FakeClock();
  readonly rows = new MemoryShareRows();
  readonly homes: readonly Home[];
  readonly sentAt: number[] = [];

  constructor(settings: PaceSettings) {
    this.homes = Array.from({ length: HOMES }, (_, index) => this.#home(settings, index));
    for (const { shares } of this.homes) shares.start();
  }

  #home(settings: PaceSettings, index: number): Home {
    const shares = new LimitShares({
      rows: this.rows.of(),
      clock: this.clock,
      owner: { node: `node ${index}`, epoch: 1 },
      slots: () => (this.homes.findIndex(({ isAlive }) => isAlive) === index ? [SLOT] : []),
      mayAct: () => this.homes[index]?.isAlive === true,
      settingsOf: () => settings,
      tell: (keys) => {
        for (const other of this.homes) {
          if (other.shares !== shares) other.shares.heard(keys, () => SLOT);
        }
      },
      onError: () => undefined,
    });
    const pacer = new KeyPacer({
      key: KEY,
      pace: createPace(settings, 0),
      learns: false,
      circuit: null,
      countsArrivals: false,
    });
    const home: Home = { shares, pacer, hasWork: false, isAlive: true };
    shares.use({
      key: KEY,
      slot: SLOT,
      usage: () => ({
        demand: home.hasWork ? 40 : 0,
        waiting: home.hasWork ? 100 : 0,
        inFlight: 0,
        ratePerSecond: pacer.pace.ratePerSecond,
      }),
      refillMs: () => Math.max(2, settings.burst) * intervalMs(settings),
      follow: (share, isFresh) => {
        const allotment = { ...share, until: null };
        pacer.allot(settings, allotment, isFresh, this.clock.monotonic());
        this.#send(home);
      },
    });
    return home;
  }

  work(home: Home, hasWork: boolean): void {
    home.hasWork = hasWork;
    if (hasWork) home.shares.wanted(KEY);
  }

  /** All that may go goes, and is answered at once. */
  sendAll(): void {
    for (const home of this.homes) this.#send(home);
  }

  #send({ pacer, hasWork, isAlive }: Home): void {
    const now = this.clock.monotonic();
    for (let isSent = hasWork && isAlive; isSent; ) {
      const verdict = admit([{ key: KEY, state: pacer.inForce(now) }], now);
      const booked = verdict.verdict === 'go' ? verdict.states[0]?.state : undefined;
      isSent = booked !== undefined;
      if (booked === undefined) continue;
      pacer.book(booked, now);
      pacer.dropped(now);
      this.sentAt.push(now);
    }
  }

  /** Time passes; what may go goes every so often. */
  async pass(ms: number, stepMs: number = ms): Promise<void> {
    for (let passed = 0; passed < ms; passed += stepMs) {
      this.rows.now += stepMs;
      await this.clock.advance(stepMs);
      this.sendAll();
    }
  }

  async stop(): Promise<void> {
    const stopped = Promise.all(this.homes.map(({ shares }) => shares.stop()));
    await this.clock.advance(10_000);
    await stopped;
  }
}

const happening = fc.oneof(
  fc.record({ what: fc.constant('work' as const), home: fc.nat(2), hasWork: fc.boolean() }),
  // Work that goes round takes the share along, and the burst with it.
  fc.record({ what: fc.constant('turn' as const), home: fc.nat(2) }),
  fc.record({ what: fc.constant('later' as const), ms: fc.constantFrom(50, 300, 1_500, 9_000) }),
  fc.record({ what: fc.constant('die' as const), home: fc.constantFrom(0, 1) }),
);
const limits = fc.record({
  ratePerSecond: fc.integer({ min: 2, max: 30 }),
  burst: fc.integer({ min: 1, max: 100 }),
});

test('whatever is late or lost, calls keep to the rate and one burst, and in the end use the whole of it', async () => {
  await fc.assert(
    fc.asyncProperty(
      limits,
      fc.array(happening, { maxLength: 40, size: 'max' }),
      fc.nat(),
      async ({ ratePerSecond, burst }, happenings, seed) => {
        const settings: PaceSettings = {
          ratePerSecond,
          burst,
          concurrency: 100,
          floorPerSecond: ratePerSecond,
          maxPerSecond: ratePerSecond,
          configured: true,
          allowRaise: false,
        };
        const nodes = new Spending(settings);
        const chance = createChance(seed);
        const troubles = ['lose_request', 'lose_answer', 'be_late', 'be_late'] as const;
        nodes.rows.interfere = () => troubles[Math.floor(chance() * 16)] ?? 'nothing';
        nodes.rows.late = () =>
          new Promise((resolve) => {
            nodes.clock.after(chance() * 3_000, resolve);
          });
        for (const one of happenings) {
          const home = 'home' in one ? nodes.homes[one.home] : undefined;
          if (one.what === 'later') await nodes.pass(one.ms);
          if (one.what === 'work' && home !== undefined) nodes.work(home, one.hasWork);
          if (one.what === 'turn') {
            for (const other of nodes.homes) nodes.work(other, other === home);
          }
          if (one.what === 'die' && home !== undefined) {
            home.isAlive = false;
            nodes.rows.fenced.add(`node ${one.home}`);
          }
          nodes.sendAll();
        }
        // From now on everything arrives, and everybody has work.
        nodes.rows.interfere = () => 'nothing';
        for (const home of nodes.homes) nodes.work(home, true);
        await nodes.pass(8_000, 1_000);
        const before = nodes.sentAt.length;
        await nodes.pass(3_000, SLACK_MS);
        const whole = 3_000 / intervalMs(createPace(settings, 0));
        expect(nodes.sentAt.length - before).toBeGreaterThan(whole * 0.96 - HOMES);
        const most = burst + HOMES * effectiveBurst(createPace({ ...settings, burst: 1 }, 0));
        expect(mostOverRate(nodes.sentAt, ratePerSecond)).toBeLessThanOrEqual(most + 1e-6);
        await nodes.stop();
      },
    ),
    { numRuns: 60 },
  );
}, 60_000);

/** Over every time: calls beyond what the rate alone lets go in it. */
function mostOverRate(times: readonly number[], ratePerSecond: number): number {
  let [most, least] = [0, Number.POSITIVE_INFINITY];
  for (const [index, at] of times.entries()) {
    const paid = (at * ratePerSecond) / 1_000;
    least = Math.min(least, index - paid);
    most = Math.max(most, index + 1 - paid - least);
  }
  return most;
}
