import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ArrivalLog, type LoggedPace } from './arrival-log.ts';
import { DEFAULT_PACE } from './pace-settings.ts';

function at(ratePerSecond: number, burst = 1): LoggedPace {
  return { ratePerSecond, settings: { ...DEFAULT_PACE, burst } };
}

describe('a target that counts arrivals in any second', () => {
  test('hears the eleventh call of ten a second no sooner than a second after the first', () => {
    const log = new ArrivalLog();
    for (let call = 0; call < 10; call += 1) log.sent(call * 90, at(10));
    expect(log.freeAt(at(10))).toBe(1_000);
  });

  test('hears it later when the first has travelled slowly', () => {
    const log = new ArrivalLog();
    for (let call = 0; call < 3; call += 1) log.answered(log.sent(call, at(10)), call + 2);
    const slow = log.sent(100, at(10));
    log.answered(slow, 100 + 2 + 24);
    for (let call = 1; call < 10; call += 1) log.sent(100 + call * 101, at(10));
    expect(log.freeAt(at(10))).toBe(100 + 24 + 1_000);
  });

  test('is not kept waiting because it always answers slowly, once that is known', () => {
    const log = new ArrivalLog();
    for (let call = 0; call < 20; call += 1) {
      log.answered(log.sent(call * 100, at(10)), call * 100 + 400);
    }
    expect(log.freeAt(at(10))).toBe(10 * 100 + 1_000);
  });

  test('that is called less than once a second has a longer window', () => {
    const log = new ArrivalLog();
    log.sent(0, at(0.5));
    expect(log.freeAt(at(0.5))).toBe(2_000);
  });

  test('and is known to bear a burst may hear it at once', () => {
    const log = new ArrivalLog();
    const pace = at(2, 5);
    for (let call = 0; call < 6; call += 1) {
      expect(log.freeAt(pace)).toBeNull();
      log.sent(0, pace);
    }
    expect(log.freeAt(pace)).toBe(1_000);
  });

  test('a call that left late counts from when it left', () => {
    const log = new ArrivalLog();
    const call = log.sent(0, at(1));
    log.left(call, 40);
    expect(log.freeAt(at(1))).toBe(1_040);
  });
});

test('at any rate, no window holds more sendings than the rate allows', () => {
  const rates = fc.double({ min: 0.5, max: 300, noNaN: true });
  const waits = fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 700 });
  fc.assert(
    fc.property(rates, waits, (rate, pauses) => {
      const log = new ArrivalLog();
      const sendings: number[] = [];
      let now = 0;
      for (const pause of pauses) {
        now = Math.max(now + pause, log.freeAt(at(rate)) ?? 0);
        log.sent(now, at(rate));
        sendings.push(now);
      }
      const calls = Math.ceil(rate);
      const windowMs = (calls * 1_000) / rate;
      sendings.forEach((sentAt, index) => {
        const after = sendings[index + calls];
        if (after !== undefined) expect(after - sentAt).toBeGreaterThanOrEqual(windowMs - 1e-6);
      });
    }),
  );
});
