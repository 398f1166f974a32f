import { DEFAULT_PACE, type PaceSettings } from '@ezthrottle/engine';
import { FakeClock } from '@ezthrottle/testkit';
import { beforeEach, describe, expect, it } from 'vitest';
import { pacedNow } from './destination.ts';
import { Destinations } from './destinations.ts';
import { DISPATCH_LIMITS } from './dispatch-limits.ts';

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
  destinations = new Destinations(clock, () => settings, DISPATCH_LIMITS, {
    pausedUntil: () => pausedUntil,
    onChanged: () => () => undefined,
  });
});

describe('a destination whose limit is changed', () => {
  it('owes what it owed, has the new rate and is written down', () => {
    const live = destinations.get(ORGANIZATION, ORIGIN);
    const now = clock.monotonic();
    live.pace = { ...live.pace, arrivesAt: now + 1_000 };
    settings = { ...settings, ratePerSecond: 100, burst: 1 };
    expect(destinations.resettle(ORGANIZATION, ORIGIN)).toBe(live);
    expect(live.pace).toMatchObject({ ratePerSecond: 100, settings });
    expect(live.pace.arrivesAt - now).toBeCloseTo(100, 6);
    expect(destinations.takeChanged()).toHaveLength(1);
  });

  it('that nobody uses is left alone', () => {
    expect(destinations.resettle(ORGANIZATION, ORIGIN)).toBeNull();
    expect(destinations.find(ORGANIZATION, ORIGIN)).toBeNull();
  });

  it('keeps the pause that its target asked for when the one by hand is lifted, and the other way', () => {
    const live = destinations.get(ORGANIZATION, ORIGIN);
    const now = clock.monotonic();
    live.pace = { ...live.pace, pausedUntil: now + 300 };
    pausedUntil = clock.now() + 900;
    destinations.resettle(ORGANIZATION, ORIGIN);
    expect(pacedNow(live).pausedUntil).toBe(now + 900);
    pausedUntil = null;
    destinations.resettle(ORGANIZATION, ORIGIN);
    expect(pacedNow(live).pausedUntil).toBe(now + 300);
    pausedUntil = Number.POSITIVE_INFINITY;
    destinations.resettle(ORGANIZATION, ORIGIN);
    live.pace = { ...live.pace, pausedUntil: null };
    expect(pacedNow(live).pausedUntil).toBe(Number.POSITIVE_INFINITY);
  });

  it('is stopped by hand from its first call on', () => {
    pausedUntil = clock.now() + 500;
    const live = destinations.get(ORGANIZATION, ORIGIN);
    expect(pacedNow(live).pausedUntil).toBe(clock.monotonic() + 500);
  });
});
