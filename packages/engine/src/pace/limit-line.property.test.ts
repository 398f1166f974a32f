import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { release } from './admission.ts';
import { divideLimit, withAllotment, withSettings } from './allotment.ts';
import type { KeyCost, LimitedEntry } from './limit-gate.ts';
import { LimitLine } from './limit-line.ts';
import { DEFAULT_PACE, type PaceSettings } from './pace-settings.ts';
import { createPace, effectiveBurst, type PaceState } from './pace-state.ts';
import { restorePace, savePace } from './saved-pace.ts';

const WALL = Date.UTC(2026, 0, 1);

class Keys {
  readonly states = new Map<string, PaceState>();
  reads = 0;

  get(key: string): PaceState {
    this.reads += 1;
    const state = this.states.get(key);
    if (state === undefined) throw new Error(`no key ${key}`);
    return state;
  }

  set(key: string, state: PaceState): void {
    this.states.set(key, state);
  }

  put(key: string, settings: Partial<PaceSettings>): void {
    this.states.set(key, createPace({ ...DEFAULT_PACE, configured: true, ...settings }, 0));
  }
}

function entry(id: string, keys: readonly KeyCost[], apiKey = 'key'): LimitedEntry {
  return { id, apiKey, userId: '', rank: 0, keys };
}

/** Lets time pass from event to event; every call ends `callMs` after its start. */
class World {
  readonly keys = new Keys();
  readonly line: LimitLine<LimitedEntry> = new LimitLine(this.keys);
  readonly started: { readonly entry: LimitedEntry; readonly at: number }[] = [];
  readonly callMs: number;
  now = 0;
  #ends: { readonly at: number; readonly entry: LimitedEntry }[] = [];

  constructor(callMs = 1) {
    this.callMs = callMs;
  }

  runUntil(end: number, onStart: (entry: LimitedEntry) => void = () => {}): void {
    while (this.now <= end) {
      const turn = this.line.next(this.now);
      if (turn.verdict === 'go') {
        this.started.push({ entry: turn.entry, at: this.now });
        this.#ends.push({ at: this.now + this.callMs, entry: turn.entry });
        onStart(turn.entry);
        continue;
      }
      const ending = Math.min(...this.#ends.map(({ at }) => at));
      const next = Math.min(turn.until ?? Number.POSITIVE_INFINITY, ending);
      if (next > end) break;
      this.now = Math.max(this.now, next);
      this.#finish();
    }
    this.now = Math.max(this.now, end);
    this.#finish();
  }

  #finish(): void {
    const over = this.#ends.filter(({ at }) => at <= this.now);
    this.#ends = this.#ends.filter(({ at }) => at > this.now);
    for (const { entry: ended } of over) {
      for (const { key } of ended.keys) {
        this.keys.set(key, release(this.keys.get(key)));
        this.line.wake(key, this.now);
      }
    }
  }

  startsOf(prefix: string): readonly number[] {
    return this.started.filter(({ entry: { id } }) => id.startsWith(prefix)).map(({ at }) => at);
  }
}

describe('a job that counts against several limits', () => {
  test('starts when all of them let it, and holds none of them until then', () => {
    const world = new World();
    world.keys.put('a', { ratePerSecond: 1 });
    world.keys.put('b', { ratePerSecond: 0.1 });
    world.line.push(entry('1', [{ key: 'a' }, { key: 'b' }]), 0);
    world.line.push(entry('2', [{ key: 'a' }, { key: 'b' }]), 0);
    world.line.push(entry('3', [{ key: 'a' }]), 0);
    world.runUntil(20_000);
    expect(world.startsOf('1')).toEqual([0]);
    expect(world.startsOf('3')[0]).toBeLessThan(1_100);
    expect(world.startsOf('2')[0]).toBeGreaterThan(9_900);
  });

  test('is found at the key that holds it back', () => {
    const world = new World();
    world.keys.put('a', { ratePerSecond: 1 });
    world.keys.put('b', { ratePerSecond: 0.1 });
    for (const id of ['1', '2']) world.line.push(entry(id, [{ key: 'a' }, { key: 'b' }]), 0);
    world.runUntil(2_000);
    expect(world.line.blockedBy('2')?.key).toBe('b');
    expect(world.line.blockedBy('1')).toBeNull();
  });

  test('that is taken out makes room for those behind it', () => {
    const world = new World();
    world.keys.put('a', { ratePerSecond: 1, burst: 10 });
    world.keys.put('b', { ratePerSecond: 0.001 });
    world.line.push(entry('0', [{ key: 'b' }]), 0);
    world.line.push(entry('1', [{ key: 'a' }, { key: 'b' }]), 0);
    world.runUntil(10);
    expect(world.line.remove('1', 10)?.id).toBe('1');
    expect(world.line.remove('1', 10)).toBeNull();
    world.line.push(entry('2', [{ key: 'a' }]), 10);
    world.runUntil(20);
    expect(world.startsOf('2')).toEqual([10]);
    expect(world.line.size).toBe(0);
  });
});

test('one key that is used up for a minute holds up nobody who does not use it', () => {
  const world = new World();
  world.keys.put('spent', { ratePerSecond: 0.01 });
  world.keys.put('destination', { ratePerSecond: 100 });
  world.keys.put('other', { ratePerSecond: 50 });
  for (let job = 0; job < 10_000; job += 1) {
    world.line.push(entry(`blocked ${job}`, [{ key: 'destination' }, { key: 'spent' }]), 0);
  }
  for (let job = 0; job < 10_000; job += 1) {
    world.line.push(entry(`free ${job}`, [{ key: 'destination' }]), 0);
    world.line.push(entry(`else ${job}`, [{ key: 'other' }, { key: 'spent' }]), 0);
  }
  world.runUntil(60_000);
  expect(world.startsOf('free').length).toBeGreaterThanOrEqual(0.98 * 0.985 * 6_000);
  // Two looks at two keys for a start, and a few for those that were held back: never the backlog.
  expect(world.keys.reads).toBeLessThan(6 * world.started.length);
});

test('keys of twenty thousand tenants are not looked through', () => {
  const world = new World();
  world.keys.put('destination', { ratePerSecond: 100 });
  const tenants = 20_000;
  for (let tenant = 0; tenant < tenants; tenant += 1) {
    world.keys.put(`tenant ${tenant}`, { ratePerSecond: 1 });
    const keys = [{ key: 'destination' }, { key: `tenant ${tenant}` }];
    world.line.push(entry(String(tenant), keys, `key ${tenant}`), 0);
  }
  world.runUntil(10_000);
  expect(world.started.length).toBeGreaterThan(950);
  expect(world.keys.reads).toBeLessThanOrEqual(8 * world.started.length);
});

test('a job of large cost among endless small ones starts within its refill and one turn', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 500 }),
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 40 }),
      (cost, destinations, rate) => {
        const world = new World();
        world.keys.put('tokens', { ratePerSecond: rate, burst: 500, concurrency: 1_000 });
        world.keys.put('target', { ratePerSecond: 5 });
        let made = 0;
        const small = (): void => {
          const target = made % destinations;
          const keys = [{ key: `target ${target}` }, { key: 'tokens' }];
          world.line.push(entry(`small ${(made += 1)}`, keys, `key ${target}`), world.now);
        };
        for (let target = 0; target < destinations; target += 1) {
          world.keys.put(`target ${target}`, { ratePerSecond: 1_000, concurrency: 1_000 });
          for (let job = 0; job < 600; job += 1) small();
        }
        world.runUntil(1_000, small);
        const large = entry('large', [{ key: 'target' }, { key: 'tokens', cost }], 'large');
        world.line.push(large, world.now);
        const refillMs = (cost * 1_000) / (rate * 0.985);
        const turnsMs = ((destinations + 2) * 1_000) / (rate * 0.985);
        world.runUntil(1_000 + refillMs + turnsMs + 5_000 + 2_000, small);
        expect(world.startsOf('large')).toHaveLength(1);
      },
    ),
    { numRuns: 25 },
  );
});

const someKeys = ['a', 'b', 'c', 'd'];
const keySettings = fc.record({
  ratePerSecond: fc.double({ min: 0.2, max: 50, noNaN: true }),
  burst: fc.integer({ min: 1, max: 12 }),
  concurrency: fc.integer({ min: 1, max: 6 }),
});
const jobs = fc.array(
  fc.record({
    keys: fc.subarray(someKeys, { minLength: 1 }),
    costs: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 4, maxLength: 4 }),
    account: fc.constantFrom('x', 'y', 'z'),
    afterMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 400 })),
  }),
  { minLength: 1, maxLength: 80 },
);
/** What befalls the world between two jobs. */
const mishaps = fc.array(
  fc.oneof(
    fc.constant('nothing' as const),
    fc.constant('nothing' as const),
    fc.constant('crash' as const),
    fc.constant('clock jump' as const),
    fc.constant('edit' as const),
  ),
  { minLength: 80, maxLength: 80 },
);

test('over random jobs, costs, crashes, edits and clock jumps no window of any key holds too much', () => {
  fc.assert(
    fc.property(
      fc.tuple(keySettings, keySettings, keySettings, keySettings),
      jobs,
      mishaps,
      (settings, script, befalls) => {
        const world = new World(7);
        let wall = WALL;
        someKeys.forEach((key, index) => world.keys.put(key, settings[index] ?? {}));
        const largest = new Map(someKeys.map((key) => [key, 0]));
        const rates: { at: number; key: string; perSecond: number }[] = [];
        const note = (): void => {
          for (const [key, state] of world.keys.states) {
            largest.set(key, Math.max(largest.get(key) ?? 0, effectiveBurst(state)));
            rates.push({ at: world.now, key, perSecond: state.ratePerSecond });
          }
        };
        note();
        script.forEach(({ keys, costs, account, afterMs }, index) => {
          const mishap = befalls[index];
          if (mishap === 'clock jump') wall += index % 2 === 0 ? 3_600_000 : -3_600_000;
          for (const key of someKeys) {
            const state = world.keys.get(key);
            if (mishap === 'crash') {
              const moment = { now: world.now, wallNow: wall + world.now };
              const { inFlight } = state;
              world.keys.set(key, {
                ...restorePace(savePace(state, moment), state.settings, moment),
                inFlight,
              });
            }
            if (mishap === 'edit') {
              // Of what it was at first, not of the last edit: no limit becomes one that gives nothing for days.
              const { ratePerSecond } = settings[someKeys.indexOf(key)] ?? state.settings;
              const edited = {
                ...state.settings,
                ratePerSecond: ratePerSecond * (index % 2 ? 2 : 0.5),
              };
              world.keys.set(key, withSettings(state, edited, world.now));
            }
            world.line.wake(key, world.now);
          }
          note();
          const costed = keys.map((key) => {
            const burst = world.keys.get(key).settings.burst;
            return { key, cost: Math.min(burst, costs[someKeys.indexOf(key)] ?? 1) };
          });
          world.line.push(entry(String(index), costed, account), world.now);
          world.runUntil(world.now + afterMs);
        });
        note();
        // Eighty jobs of cost 12 at a tenth a second take less than three hours.
        world.runUntil(world.now + 6 * 3_600_000);
        expect(world.line.size).toBe(0);
        for (const key of someKeys) expectBound(world, rates, key, largest.get(key) ?? 0);
      },
    ),
    { numRuns: 150 },
  );
}, 30_000);

function expectBound(
  world: World,
  rates: readonly { readonly at: number; readonly key: string; readonly perSecond: number }[],
  key: string,
  burst: number,
): void {
  const steps = rates.filter((rate) => rate.key === key);
  const allowed = (until: number): number => {
    let sum = 0;
    steps.forEach(({ at, perSecond }, index) => {
      const end = Math.min(until, steps[index + 1]?.at ?? until);
      if (end > at) sum += ((end - at) * perSecond) / 1_000;
    });
    return sum;
  };
  const sends = world.started.flatMap(({ entry: { keys }, at }) =>
    keys.filter((cost) => cost.key === key).map(({ cost }) => ({ at, cost: cost ?? 1 })),
  );
  const earned = sends.map(({ at }) => allowed(at));
  sends.forEach((_, from) => {
    let sum = 0;
    for (let to = from; to < sends.length; to += 1) {
      sum += sends[to]?.cost ?? 0;
      const bound = (earned[to] ?? 0) - (earned[from] ?? 0) + burst;
      expect(sum).toBeLessThanOrEqual(bound + 1e-6);
    }
  });
}

test('shares of a limit never add up to more than the limit, and end', () => {
  fc.assert(
    fc.property(
      keySettings,
      fc.array(fc.double({ min: 0, max: 100, noNaN: true }), { minLength: 1, maxLength: 9 }),
      (given, demands) => {
        const settings = { ...DEFAULT_PACE, configured: true, ...given };
        const shares = divideLimit(settings, demands, 1_000);
        const sum = (value: (share: (typeof shares)[number]) => number): number =>
          shares.reduce((total, share) => total + value(share), 0);
        expect(sum(({ ratePerSecond }) => ratePerSecond)).toBeLessThanOrEqual(given.ratePerSecond);
        expect(sum(({ burst }) => burst)).toBeLessThanOrEqual(given.burst);
        expect(sum(({ concurrency }) => concurrency)).toBe(given.concurrency);
      },
    ),
  );
});

test('a key whose allotment has ended lets nothing go until it is renewed', () => {
  const world = new World();
  const settings = { ...DEFAULT_PACE, configured: true };
  const [share] = divideLimit(settings, [1], 1_000);
  if (share === undefined) throw new Error('no share');
  world.keys.set('a', withAllotment(createPace(settings, 0), settings, share, 0));
  for (let job = 0; job < 5; job += 1) world.line.push(entry(String(job), [{ key: 'a' }]), 0);
  world.runUntil(5_000);
  expect(world.started).toHaveLength(2);
  const renewed = { ...share, until: 20_000 };
  world.keys.set('a', withAllotment(world.keys.get('a'), settings, renewed, world.now));
  world.line.wake('a', world.now);
  world.runUntil(10_000);
  expect(world.started).toHaveLength(5);
});
