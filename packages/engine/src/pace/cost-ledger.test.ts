import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { actualCost } from './actual-cost.ts';
import { admit } from './admission.ts';
import { CostLedger } from './cost-ledger.ts';
import { DEFAULT_PACE } from './pace-settings.ts';
import { createPace, effectiveBurst, nextByRate, type PaceState } from './pace-state.ts';

function key(ratePerSecond: number, burst: number): PaceState {
  const settings = { ...DEFAULT_PACE, ratePerSecond, burst, concurrency: 1_000, configured: true };
  return createPace(settings, 0);
}

class Settled {
  readonly ledger = new CostLedger();
  state: PaceState;

  constructor(state: PaceState) {
    this.state = state;
  }

  book(cost: number, now: number): number | null {
    const before = this.state;
    const verdict = admit([{ key: 'tokens', state: before, cost }], now);
    if (verdict.verdict === 'wait') return null;
    this.state = verdict.states[0]?.state ?? before;
    return this.ledger.booked(before, this.state, cost, now);
  }

  settle(id: number, actual: number | null, now: number): void {
    this.state = this.ledger.settled(this.state, id, actual, now);
  }
}

describe('a cost that the answer tells', () => {
  test('is given back when it was less, so that the next may go sooner', () => {
    const tokens = new Settled(key(10, 100));
    const id = tokens.book(100, 0) ?? -1;
    const waits = nextByRate(tokens.state, 50);
    tokens.settle(id, 40, 1);
    expect(nextByRate(tokens.state, 50)).toBeLessThan(waits - 5_000);
    expect(tokens.ledger.open).toBe(0);
  });

  test('is charged when it was more, but never beyond the burst and a minute', () => {
    const tokens = new Settled(key(10, 100));
    tokens.settle(tokens.book(10, 0) ?? -1, 1_000_000, 0);
    const { arrivesAt } = tokens.state;
    expect(arrivesAt).toBeCloseTo((100 * 1_000) / (10 * 0.985) + 60_000);
  });

  test('that is not told stays what was estimated', () => {
    const tokens = new Settled(key(10, 100));
    const id = tokens.book(30, 0) ?? -1;
    const before = tokens.state;
    tokens.settle(id, null, 5);
    expect(tokens.state).toEqual(before);
  });

  test('is not given back twice', () => {
    const tokens = new Settled(key(10, 100));
    const id = tokens.book(100, 0) ?? -1;
    tokens.settle(id, 0, 1);
    const after = tokens.state;
    tokens.settle(id, 0, 2);
    expect(tokens.state).toEqual(after);
  });
});

test('over random costs that are at most the estimate, real costs keep to the rate and the burst', () => {
  const calls = fc.array(
    fc.record({
      estimate: fc.integer({ min: 1, max: 20 }),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
      afterMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 3_000 })),
      takesMs: fc.integer({ min: 0, max: 8_000 }),
    }),
    { minLength: 1, maxLength: 60 },
  );
  fc.assert(
    fc.property(fc.constantFrom(1, 5, 30), calls, (rate, script) => {
      const tokens = new Settled(key(rate, 20));
      const sends: { at: number; cost: number }[] = [];
      let open: { id: number; at: number; actual: number; place: number }[] = [];
      let now = 0;
      for (const { estimate, share, afterMs, takesMs } of script) {
        now += afterMs;
        for (const due of open.filter(({ at }) => at <= now))
          tokens.settle(due.id, due.actual, now);
        open = open.filter(({ at }) => at > now);
        const id = tokens.book(estimate, now);
        if (id === null) continue;
        const actual = Math.floor(estimate * share);
        open.push({ id, at: now + takesMs, actual, place: sends.length });
        sends.push({ at: now, cost: actual });
        expect(nextByRate(tokens.state, 1)).toBeLessThanOrEqual(
          now + (effectiveBurst(tokens.state) * 1_000) / (rate * 0.985),
        );
      }
      sends.forEach(({ at: from }, first) => {
        let sum = 0;
        for (const { at, cost } of sends.slice(first)) {
          sum += cost;
          expect(sum).toBeLessThanOrEqual(((at - from) * rate) / 1_000 + 20 + 1e-6);
        }
      });
    }),
    { numRuns: 300 },
  );
});

test.each<[Parameters<typeof actualCost>[0], string, Record<string, string>, number | null]>([
  [{ settleHeader: 'x-cost' }, '', { 'x-cost': ' 12.5 ' }, 12.5],
  [{ settleHeader: 'x-cost' }, '', { 'x-cost': '-1' }, null],
  [{ settleHeader: 'x-cost' }, '', {}, null],
  [{ settlePath: '$.usage.total_tokens' }, '{"usage":{"total_tokens":42}}', {}, 42],
  [{ settlePath: '$.usage.total_tokens' }, '{"usage":{"total_tokens":"42"}}', {}, null],
  [{ settlePath: '$.usage.total_tokens' }, 'no JSON', {}, null],
  [{}, '{}', {}, null],
])('%o of %s with %o says %s', (limit, body, headers, cost) => {
  const response = { headers, body, bodyEncoding: 'utf8', truncated: false } as const;
  expect(actualCost(limit, response)).toBe(cost);
  expect(actualCost(limit, null)).toBeNull();
});
