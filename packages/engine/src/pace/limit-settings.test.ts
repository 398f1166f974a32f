import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkLimitSettings } from '../admit/check-limit-settings.ts';
import { limitSettings } from './limit-settings.ts';
import { clampRate, DEFAULT_PACE } from './pace-settings.ts';

const OPERATOR = { ...DEFAULT_PACE, ratePerSecond: 7, concurrency: 4, configured: true };

describe('a limit as pacing takes it', () => {
  it('of a destination moves with answers from its floor to its rate, to its ceiling if it has one', () => {
    const { pace, adaptive } = limitSettings(
      'destination',
      { rate: 600, per_ms: 60_000 },
      OPERATOR,
    );
    expect(adaptive).toBe(true);
    expect(pace).toEqual({
      ratePerSecond: 10,
      burst: 1,
      concurrency: 4,
      floorPerSecond: 0.5,
      maxPerSecond: 10,
      configured: true,
      allowRaise: false,
    });
    const raised = limitSettings('destination', { rate: 10, floor: 2, ceiling: 30 });
    expect([1, 25, 99].map((rate) => clampRate(raised.pace, rate))).toEqual([2, 25, 30]);
  });

  it('of a destination that says only a pause leaves the operator’s pace', () => {
    const { pace, pausedUntil } = limitSettings('destination', { paused: true }, OPERATOR);
    expect([pace, pausedUntil]).toEqual([OPERATOR, Number.POSITIVE_INFINITY]);
  });

  it('that is not adaptive stays where it was put, whatever answers say', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.01, max: 1_000_000, noNaN: true }),
        fc.double({ min: 0, max: 2_000_000, noNaN: true }),
        fc.constantFrom('custom', 'account', 'destination'),
        (rate, asked, kind) => {
          const { pace } = limitSettings(kind, { rate, adaptive: false });
          expect(clampRate(pace, asked)).toBe(rate);
        },
      ),
    );
  });

  it('never has a floor above its rate, and lets answers nowhere but between floor and ceiling', () => {
    const rate = fc.double({ min: 0.01, max: 1_000_000, noNaN: true });
    const said = fc.record({ rate, floor: rate, ceiling: rate, adaptive: fc.constant(true) });
    fc.assert(
      fc.property(said, rate, (settings, asked) => {
        fc.pre(checkLimitSettings('custom', settings).length === 0);
        const { pace } = limitSettings('custom', settings);
        const moved = clampRate(pace, asked);
        expect(moved).toBeGreaterThanOrEqual(settings.floor);
        expect(moved).toBeLessThanOrEqual(settings.ceiling);
      }),
    );
  });

  it('without a rate bounds only what runs at the same time', () => {
    const { pace } = limitSettings('custom', { concurrency: 3 });
    expect(pace).toMatchObject({ concurrency: 3, ratePerSecond: 1_000_000, burst: 1_000_000_000 });
  });

  it('names the header that tells the cost as answers have it', () => {
    const { settleHeader } = limitSettings('custom', { rate: 1, settle_header: 'X-Cost' });
    expect(settleHeader).toBe('x-cost');
  });
});
