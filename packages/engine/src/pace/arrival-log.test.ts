import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ArrivalLog } from './arrival-log.ts';

describe('a target that counts arrivals in any second', () => {
  test('hears the eleventh call of ten a second no sooner than a second after the first', () => {
    const log = new ArrivalLog();
    for (let call = 0; call < 10; call += 1) log.sent(call * 90, 10);
    expect(log.freeAt(10)).toBe(1_000);
  });

  test('hears it later when the first has travelled slowly', () => {
    const log = new ArrivalLog();
    for (let call = 0; call < 3; call += 1) log.answered(log.sent(call, 10), call + 2);
    const slow = log.sent(100, 10);
    log.answered(slow, 100 + 2 + 24);
    for (let call = 1; call < 10; call += 1) log.sent(100 + call * 101, 10);
    expect(log.freeAt(10)).toBe(100 + 24 + 1_000);
  });

  test('is not kept waiting because it always answers slowly, once that is known', () => {
    const log = new ArrivalLog();
    for (let call = 0; call < 20; call += 1) {
      log.answered(log.sent(call * 100, 10), call * 100 + 400);
    }
    expect(log.freeAt(10)).toBe(10 * 100 + 1_000);
  });

  test('that is called less than once a second has a longer window', () => {
    const log = new ArrivalLog();
    log.sent(0, 0.5);
    expect(log.freeAt(0.5)).toBe(2_000);
  });

  test('a call that left late counts from when it left', () => {
    const log = new ArrivalLog();
    const call = log.sent(0, 1);
    log.left(call, 40);
    expect(log.freeAt(1)).toBe(1_040);
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
        now = Math.max(now + pause, log.freeAt(rate) ?? 0);
        log.sent(now, rate);
        sendings.push(now);
      }
      const calls = Math.ceil(rate);
      const windowMs = (calls * 1_000) / rate;
      sendings.forEach((at, index) => {
        const after = sendings[index + calls];
        if (after !== undefined) expect(after - at).toBeGreaterThanOrEqual(windowMs - 1e-6);
      });
    }),
  );
});
