import type { Outcome } from '@ezthrottle/engine';
import { describe, expect, test } from 'vitest';
import { EndpointPace } from './endpoint-pace.ts';

const FINE: Outcome = { kind: 'response', status: 200, headers: {} };
const BUSY: Outcome = { kind: 'response', status: 429, headers: {} };
const DOWN: Outcome = { kind: 'network_error', code: 'ECONNREFUSED', message: 'refused' };

/** Sends as fast as it may until then, a millisecond at a time; gives how many went. */
function sendUntil(pace: EndpointPace, from: number, to: number, outcome: Outcome): number {
  let sent = 0;
  for (let now = from; now < to; now += 1) {
    const pass = pace.pass(now);
    if (pass.pass === 'hold') continue;
    sent += 1;
    pace.after(outcome, pass.pass === 'go' && pass.isProbe, now, now);
  }
  return sent;
}

describe('an endpoint', () => {
  test('that answers is not paced, and nothing is remembered of it', () => {
    const pace = new EndpointPace(null);
    expect(sendUntil(pace, 0, 5_000, FINE)).toBe(5_000);
    expect(pace.isKnown).toBe(false);
  });

  test('that refuses for the first time is slowed from what it was sent', () => {
    const pace = new EndpointPace(null);
    // A hundred a second.
    for (let now = 0; now < 3_000; now += 10) {
      pace.pass(now);
      pace.after(FINE, false, now, now);
    }
    pace.pass(3_000);
    pace.after(BUSY, false, 3_000, 3_000);
    const sent = sendUntil(pace, 3_001, 6_001, FINE);
    expect(sent).toBeGreaterThan(100);
    expect(sent).toBeLessThan(310);
  });

  test('that refuses once in a quiet hour is soon sent more than that hour was', () => {
    const pace = new EndpointPace(null);
    pace.pass(0);
    pace.after(BUSY, false, 0, 0);
    expect(sendUntil(pace, 1, 10_001, FINE)).toBeLessThan(30);
    expect(sendUntil(pace, 10_001, 60_001, FINE)).toBeGreaterThan(600);
  });

  test('that names a delay gets nothing before it', () => {
    const pace = new EndpointPace(null);
    pace.pass(0);
    pace.after({ ...BUSY, headers: { 'retry-after': '5' } }, false, 0, 0);
    expect(sendUntil(pace, 1, 4_999, FINE)).toBe(0);
    expect(pace.pass(5_050).pass).toBe('go');
  });

  test('that names a long one is tried again after five minutes', () => {
    const pace = new EndpointPace(null);
    pace.pass(0);
    pace.after({ ...BUSY, headers: { 'retry-after': '3600' } }, false, 0, 0);
    expect(pace.pass(299_999)).toEqual({ pass: 'hold', until: 300_000 });
    expect(pace.pass(300_000).pass).toBe('go');
  });

  test('that answers 5xx without a delay is not slowed: one of its paths may be broken', () => {
    const pace = new EndpointPace(null);
    for (const status of [500, 502, 503, 504]) {
      expect(sendUntil(pace, 0, 5_000, { kind: 'response', status, headers: {} })).toBe(5_000);
    }
    expect(pace.isKnown).toBe(false);
  });

  test('that cannot be reached is held back, and probed by one', () => {
    const pace = new EndpointPace(null);
    for (let now = 0; now <= 2_000; now += 400) {
      pace.pass(now);
      pace.after(DOWN, false, now, now);
    }
    expect(pace.pass(2_001)).toMatchObject({ pass: 'hold' });
    expect(pace.pass(7_001)).toMatchObject({ pass: 'go', isProbe: true });
    expect(pace.pass(7_002)).toMatchObject({ pass: 'hold', until: null });
    pace.after(FINE, true, 7_010, 7_010);
    expect(pace.pass(7_200)).toMatchObject({ pass: 'go', isProbe: false });
  });

  test('that has a rate by configuration gets no more, whatever it answers', () => {
    const pace = new EndpointPace(50);
    expect(sendUntil(pace, 0, 10_000, FINE)).toBeLessThanOrEqual(510);
  });

  test('that was left alone for long, or is enabled again, starts afresh', () => {
    const pace = new EndpointPace(null);
    const pause = { ...BUSY, headers: { 'retry-after': '300' } };
    pace.pass(0);
    pace.after(pause, false, 0, 0);
    expect(pace.pass(600_001)).toEqual({ pass: 'free' });
    pace.after(pause, false, 600_001, 0);
    expect(pace.pass(600_002)).toMatchObject({ pass: 'hold' });
    pace.forget();
    expect(pace.pass(600_003)).toEqual({ pass: 'free' });
  });
});
