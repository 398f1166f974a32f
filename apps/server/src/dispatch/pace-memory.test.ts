import { createPace, DEFAULT_PACE, type Id, KeyPacer } from '@ezthrottle/engine';
import { FakeClock } from '@ezthrottle/testkit';
import { beforeEach, describe, expect, it } from 'vitest';
import { DISPATCH_LIMITS } from './dispatch-limits.ts';
import { Destinations } from './destinations.ts';
import { LimitKeys } from './limit-keys.ts';
import { PaceMemory } from './pace-memory.ts';

const ORGANIZATION: Id = '00000000-0000-7000-8000-000000000001';

let clock: FakeClock;
let stored: Map<string, string>;
let asked: string[];
let recalled: string[];
let memory: PaceMemory;
let limitKeys: LimitKeys;
let destinations: Destinations;
/** Whether answers of the store wait for `answer`. */
let isSlow: boolean;
let answer: () => void;

beforeEach(() => {
  clock = new FakeClock();
  stored = new Map();
  asked = [];
  recalled = [];
  isSlow = false;
  const waiting: (() => void)[] = [];
  answer = () => {
    for (const one of waiting.splice(0)) one();
  };
  memory = new PaceMemory({
    clock,
    most: 3,
    read: async (_organization, origin) => {
      asked.push(origin);
      if (isSlow) await new Promise<void>((resolve) => waiting.push(resolve));
      return stored.get(origin) ?? null;
    },
    onError: (error) => expect.unreachable(String(error)),
  });
  const onRecalled = ({ key }: { readonly key: string }): void => void recalled.push(key);
  limitKeys = new LimitKeys({
    clock,
    rules: undefined,
    memory,
    shares: undefined,
    maxIdle: 2,
    onRecalled,
    onAllotted: () => undefined,
  });
  destinations = new Destinations({
    clock,
    settings: () => DEFAULT_PACE,
    limits: { ...DISPATCH_LIMITS, maxIdleDestinations: 2 },
    limitKeys,
    caps: { of: () => null },
    memory,
    onRecalled,
    circuit: null,
  });
});

function memoryOf(most: number): PaceMemory {
  return new PaceMemory({
    clock,
    most,
    read: async () => null,
    onError: (error) => expect.unreachable(String(error)),
  });
}

/** Uses it, so that there is something to learn, and writes down what has changed. */
async function use(origin: string, ratePerSecond: number): Promise<void> {
  const { pacer } = destinations.get(ORGANIZATION, origin);
  await clock.advance(0);
  pacer.pace = { ...pacer.pace, ratePerSecond };
  pacer.isChanged = true;
  save();
}

function save(): void {
  for (const row of destinations.takeChanged()) stored.set(row.origin, row.data);
}

const origins = Array.from({ length: 12 }, (_, n) => `https://${n}.test`);

describe('what destinations have taught', () => {
  it('is kept in memory for a bounded number of them, whoever names them', async () => {
    for (const [n, origin] of origins.entries()) await use(origin, 1 + n / 100);
    expect([...destinations.values()]).toHaveLength(2);
    expect(memory.size).toBe(3);
    expect(stored.size).toBe(12);
  });

  it('comes back from memory at once', async () => {
    for (const [n, origin] of origins.entries()) await use(origin, 1 + n / 100);
    asked = [];
    expect(destinations.get(ORGANIZATION, origins[8] ?? '').pacer.pace.ratePerSecond).toBe(1.08);
    expect(asked).toEqual([]);
  });

  it('comes back from the store otherwise, and nothing goes before it is there', async () => {
    for (const [n, origin] of origins.entries()) await use(origin, 1 + n / 100);
    asked = [];
    isSlow = true;
    const { pacer, key } = destinations.get(ORGANIZATION, 'https://0.test');
    expect(asked).toEqual(['https://0.test']);
    expect(pacer.take(clock.monotonic()).verdict).toBe('wait');
    destinations.resettle(ORGANIZATION, 'https://0.test');
    expect(pacer.take(clock.monotonic()).verdict).toBe('wait');
    // Idle ones are forgotten, but none that is being looked up.
    isSlow = false;
    for (const origin of origins.slice(1)) await use(origin, 5);
    answer();
    await clock.advance(0);
    expect(recalled).toContain(key);
    expect(destinations.get(ORGANIZATION, 'https://0.test').pacer).toBe(pacer);
    expect(pacer.pace.ratePerSecond).toBe(1);
    await clock.advance(2_000);
    expect(pacer.take(clock.monotonic()).verdict).toBe('go');
  });

  it('is forgotten when nothing has happened there for long, a few at a time', async () => {
    const day = 86_400_000;
    await use('https://old.test', 1);
    limitKeys.get(ORGANIZATION, 'old limit').pacer.isChanged = true;
    save();
    const untold = { organization: ORGANIZATION, origin: 'https://untold.test' };
    await clock.advance(day);
    await use('https://new.test', 2);
    // As another process finds it: nothing goes on anywhere.
    const rows = [...stored].map(([origin, data]) => ({
      organization: ORGANIZATION,
      origin,
      data,
    }));
    const later = memoryOf(10);
    for (const { origin, data } of rows) later.put(`destination ${ORGANIZATION} ${origin}`, data);
    later.put(`destination ${ORGANIZATION} ${untold.origin}`, '{"version":1}');
    const since = clock.now() - day / 2;
    const idle = [...later.takeIdle(since, 1), ...later.takeIdle(since, 10)];
    expect(idle.toSorted()).toEqual(
      ['https://old.test', 'limit old limit']
        .map((origin) => `destination ${ORGANIZATION} ${origin}`)
        .toSorted(),
    );
    expect(later.size).toBe(2);
    expect(later.takeIdle(since, 10)).toEqual([]);
  });

  it('is named where the store has it when it is forgotten', async () => {
    for (const n of [1, 2, 3]) await use(`https://${n}.test`, 1);
    for (const n of [1, 2, 3]) {
      limitKeys.get(ORGANIZATION, `a limit ${n}`).pacer.isChanged = true;
      save();
    }
    const known = [...stored.keys()];
    const found = destinations.takeIdle(clock.now() + 1, 10).map(({ origin }) => origin);
    expect(found).toHaveLength(2);
    expect(found.every((origin) => known.includes(origin))).toBe(true);
  });

  it('is not looked up while memory has all that there is', () => {
    destinations.get(ORGANIZATION, 'https://new.test');
    expect(asked).toEqual([]);
    memory.isNotAll();
    destinations.get(ORGANIZATION, 'https://newer.test');
    expect(asked).toEqual(['https://newer.test']);
  });
});

describe('limits that jobs name', () => {
  it('are kept in memory for a bounded number of them, and what they owe is in the store', async () => {
    for (let n = 0; n < 12; n += 1) {
      const { pacer } = limitKeys.get(ORGANIZATION, `limit-${n}`);
      await clock.advance(0);
      pacer.pace = { ...pacer.pace, arrivesAt: clock.monotonic() + 60_000 };
      pacer.isChanged = true;
      save();
    }
    expect([limitKeys.size, memory.size, stored.size]).toEqual([2, 3, 12]);
    asked = [];
    const { pacer } = limitKeys.get(ORGANIZATION, 'limit-0');
    expect(asked).toEqual(['limit limit-0']);
    await clock.advance(0);
    expect(pacer.heldUntil).toBeNull();
    expect(pacer.pace.arrivesAt).toBeGreaterThan(clock.monotonic());
  });
});

describe('the memory', () => {
  it('lets a key go as if it had taught nothing when the store cannot be read', async () => {
    const errors: unknown[] = [];
    const broken = new PaceMemory({
      clock,
      most: 1,
      read: async () => {
        throw new Error('broken');
      },
      onError: (error) => errors.push(error),
    });
    broken.isNotAll();
    const pace = createPace(DEFAULT_PACE, clock.monotonic());
    const options = { key: 'k', pace, learns: true, circuit: null, countsArrivals: false };
    const place = { key: 'k', organization: ORGANIZATION, origin: 'https://a.test' };
    await new Promise<void>((resolve) => broken.recall(place, new KeyPacer(options), resolve));
    expect(errors).toHaveLength(1);
    expect(broken.isReading('k')).toBe(false);
  });
});
