import { DEFAULT_PACE, type PaceSettings } from '@ezthrottle/engine';
import { FakeClock } from '@ezthrottle/testkit';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Destination } from './destination.ts';
import { Destinations } from './destinations.ts';
import { DISPATCH_LIMITS } from './dispatch-limits.ts';
import { LimitKeys } from './limit-keys.ts';
import { PaceMemory } from './pace-memory.ts';

const ORGANIZATION = '00000000-0000-7000-8000-000000000001';
const ORIGIN = 'https://a.test';

let clock: FakeClock;
let settings: PaceSettings;
let pausedUntil: number | null;
let destinations: Destinations;

beforeEach(() => {
  clock = new FakeClock();
  settings = { ...DEFAULT_PACE, ratePerSecond: 10, burst: 5, configured: true };
  pausedUntil = null;
  const memory = new PaceMemory({
    clock,
    most: 10,
    read: async () => null,
    onError: (error) => expect.unreachable(String(error)),
  });
  destinations = new Destinations({
    clock,
    settings: () => settings,
    limits: DISPATCH_LIMITS,
    limitKeys: new LimitKeys({
      clock,
      rules: undefined,
      memory,
      shares: undefined,
      maxIdle: 10,
      onAllotted: () => undefined,
      onRecalled: () => undefined,
    }),
    caps: { of: () => null },
    memory,
    onRecalled: () => undefined,
    circuit: null,
    edits: { pausedUntil: () => pausedUntil, onChanged: () => () => undefined },
  });
});

function pauseOf({ pacer }: Destination): number | null {
  return pacer.paceAhead(clock.monotonic()).pausedUntil;
}

describe('a destination whose limit is changed', () => {
  it('owes what it owed, has the new rate and is written down', () => {
    const live = destinations.get(ORGANIZATION, ORIGIN);
    const now = clock.monotonic();
    live.pacer.pace = { ...live.pacer.pace, arrivesAt: now + 1_000 };
    settings = { ...settings, ratePerSecond: 100, burst: 1 };
    expect(destinations.resettle(ORGANIZATION, ORIGIN)).toBe(live);
    expect(live.pacer.pace).toMatchObject({ ratePerSecond: 100, settings });
    expect(live.pacer.pace.arrivesAt - now).toBeCloseTo(100, 6);
    expect(destinations.takeChanged()).toHaveLength(1);
  });

  it('that nobody uses is left alone', () => {
    expect(destinations.resettle(ORGANIZATION, ORIGIN)).toBeNull();
    expect(destinations.find(ORGANIZATION, ORIGIN)).toBeNull();
  });

  it('keeps the pause that its target asked for when the one by hand is lifted, and the other way', () => {
    const live = destinations.get(ORGANIZATION, ORIGIN);
    const now = clock.monotonic();
    live.pacer.pace = { ...live.pacer.pace, pausedUntil: now + 300 };
    pausedUntil = clock.now() + 900;
    destinations.resettle(ORGANIZATION, ORIGIN);
    expect(pauseOf(live)).toBe(now + 900);
    pausedUntil = null;
    destinations.resettle(ORGANIZATION, ORIGIN);
    expect(pauseOf(live)).toBe(now + 300);
    pausedUntil = Number.POSITIVE_INFINITY;
    destinations.resettle(ORGANIZATION, ORIGIN);
    live.pacer.pace = { ...live.pacer.pace, pausedUntil: null };
    expect(pauseOf(live)).toBe(Number.POSITIVE_INFINITY);
  });

  it('is stopped by hand from its first call on', () => {
    pausedUntil = clock.now() + 500;
    const live = destinations.get(ORGANIZATION, ORIGIN);
    expect(pauseOf(live)).toBe(clock.monotonic() + 500);
  });
});
