import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Outcome } from '../job/outcome.ts';
import { DEFAULT_DELIVERY_SCHEDULE, nextDelivery } from './next-delivery.ts';

const CREATED = 1_000_000_000_000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

function status(code: number, headers: Readonly<Record<string, string>> = {}): Outcome {
  return { kind: 'response', status: code, headers };
}

const UNREACHABLE: Outcome = { kind: 'network_error', code: 'ECONNREFUSED', message: 'refused' };

describe('a delivery', () => {
  it('is delivered by any 2xx', () => {
    expect(nextDelivery(1, status(202), CREATED, CREATED)).toEqual({ state: 'delivered' });
  });

  it.each([
    ['410', status(410), 'gone'],
    [
      'an address that may not be called',
      { kind: 'refused', code: 'x', message: 'private' } as const,
      'refused',
    ],
  ])('is dead at once after %s, and says why', (_, outcome, reason) => {
    expect(nextDelivery(1, outcome, CREATED, CREATED)).toEqual({ state: 'dead', reason });
  });

  it.each([
    ['500', status(500)],
    ['302', status(302)],
    ['404', status(404)],
    ['a timeout', { kind: 'timeout', message: 'late' } as const],
    ['a network error', UNREACHABLE],
  ])('is tried again after %s', (_, outcome) => {
    expect(nextDelivery(1, outcome, CREATED, CREATED)).toEqual({
      state: 'pending',
      nextAttemptAt: CREATED + 1_000,
    });
  });

  it('waits 1, 5, 30 s, 1, 5, 15 min, 1 h, then an hour each time, and is dead after 24 h', () => {
    const waits: number[] = [];
    let now = CREATED;
    for (let attempt = 1; ; attempt += 1) {
      const next = nextDelivery(attempt, status(500), CREATED, now);
      if (next.state !== 'pending') break;
      waits.push((next.nextAttemptAt - now) / 1_000);
      now = next.nextAttemptAt;
    }
    expect(waits.slice(0, 9)).toEqual([1, 5, 30, 60, 300, 900, 3_600, 3_600, 3_600]);
    expect(now - CREATED).toBeGreaterThan(DAY - HOUR);
    expect(now - CREATED).toBeLessThanOrEqual(DAY);
  });

  it.each([429, 503])('waits longer where %s names a later moment', (code) => {
    const outcome = status(code, { 'retry-after': '120' });
    expect(nextDelivery(1, outcome, CREATED, CREATED)).toEqual({
      state: 'pending',
      nextAttemptAt: CREATED + 120_000,
    });
  });

  it('is not hurried by a Retry-After, nor led by one of another status', () => {
    const hurry = nextDelivery(5, status(503, { 'retry-after': '1' }), CREATED, CREATED);
    expect(hurry).toEqual({ state: 'pending', nextAttemptAt: CREATED + 300_000 });
    const other = nextDelivery(1, status(500, { 'retry-after': '600' }), CREATED, CREATED);
    expect(other).toEqual({ state: 'pending', nextAttemptAt: CREATED + 1_000 });
  });

  it('is tried once more before giving up where the moment named lies beyond', () => {
    const outcome = status(503, { 'retry-after': String(30 * 3_600) });
    expect(nextDelivery(1, outcome, CREATED, CREATED)).toEqual({
      state: 'pending',
      nextAttemptAt: CREATED + DAY,
    });
    expect(nextDelivery(2, outcome, CREATED, CREATED + DAY)).toEqual({
      state: 'dead',
      reason: 'gave_up',
    });
  });

  it('goes out again at once when it was we who stopped', () => {
    const again = { state: 'pending', nextAttemptAt: CREATED + 5 };
    expect(nextDelivery(7, { kind: 'unknown' }, CREATED, CREATED + 5)).toEqual(again);
    expect(nextDelivery(7, { kind: 'aborted' }, CREATED, CREATED + 5)).toEqual(again);
  });

  it('never comes sooner than its schedule, never later than its end', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 0, max: 2 * DAY }),
        fc.constantFrom(status(500), status(429, { 'retry-after': '4000' }), UNREACHABLE),
        fc.array(fc.integer({ min: 0, max: HOUR }), { maxLength: 4 }),
        (attempt, age, outcome, delaysMs) => {
          const schedule = { ...DEFAULT_DELIVERY_SCHEDULE, delaysMs };
          const next = nextDelivery(attempt, outcome, CREATED, CREATED + age, schedule);
          expect(next.state === 'dead' || next.state === 'pending').toBe(true);
          if (next.state !== 'pending') return;
          expect(next.nextAttemptAt).toBeGreaterThanOrEqual(CREATED + age + 1_000);
          expect(next.nextAttemptAt).toBeLessThanOrEqual(CREATED + DAY);
        },
      ),
    );
  });
});
