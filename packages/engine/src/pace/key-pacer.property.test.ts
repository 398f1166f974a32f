import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Outcome } from '../job/outcome.ts';
import { circuitShare, DEFAULT_CIRCUIT } from './circuit.ts';
import { KeyPacer } from './key-pacer.ts';
import { DEFAULT_PACE } from './pace-settings.ts';
import { createPace } from './pace-state.ts';

const DOWN: Outcome = { kind: 'network_error', code: 'ECONNREFUSED', message: 'refused' };
const UP: Outcome = { kind: 'response', status: 200, headers: {} };

/** A destination that was down, at the moment at which its probe succeeds. */
function backAgain(ratePerSecond: number, burst: number): { pacer: KeyPacer; since: number } {
  const settings = { ...DEFAULT_PACE, ratePerSecond, burst, concurrency: 1_000, configured: true };
  const options = { key: 'k', pace: createPace(settings, 0), learns: true, countsArrivals: false };
  const pacer = new KeyPacer({ ...options, circuit: DEFAULT_CIRCUIT });
  let now = 0;
  const call = (outcome: Outcome): void => {
    now += 60_000;
    expect(pacer.take(now).verdict).toBe('go');
    pacer.ended(pacer.begun(now), { outcome, response: null }, now, now);
  };
  for (let failures = 0; failures < DEFAULT_CIRCUIT.failures; failures += 1) call(DOWN);
  call(UP);
  expect(pacer.circuit.state).toBe('ramping');
  return { pacer, since: now };
}

test('a destination that is up again gets a tenth of its burst at first', () => {
  const { pacer, since } = backAgain(100, 50);
  let sent = 0;
  while (pacer.take(since + 1).verdict === 'go') sent += 1;
  expect(sent).toBeGreaterThanOrEqual(4);
  expect(sent).toBeLessThanOrEqual(5);
});

test('however often it is asked, no more leaves than the rate and the burst that come back allow', () => {
  const moments = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 5, maxLength: 200 });
  const rate = fc.integer({ min: 1, max: 100 });
  const property = fc.property(
    rate,
    fc.integer({ min: 1, max: 50 }),
    moments,
    (perSecond, burst, steps) => {
      const { pacer, since } = backAgain(perSecond, burst);
      let [now, paid, sent] = [since, 0, 0];
      for (const step of steps) {
        const from = circuitShare(pacer.circuit, now);
        now += step;
        const share = circuitShare(pacer.circuit, now);
        paid += (perSecond * step * (from + share)) / 2_000;
        while (pacer.take(now).verdict === 'go') sent += 1;
        const most = Math.max(1 + perSecond * share * 0.005, burst * share);
        expect(sent).toBeLessThanOrEqual(paid + most + 1e-6);
      }
    },
  );
  fc.assert(property);
});
