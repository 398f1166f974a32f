import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  databaseAnswered,
  LEASE_TIMES,
  leaseLeftMs,
  leaseTimesProblems,
  mayTakeOver,
  renewedLease,
} from './lease.ts';

const sentAt = { wall: 1_700_000_000_000, monotonic: 5_000 };
const later = (ms: number) => ({ wall: sentAt.wall + ms, monotonic: sentAt.monotonic + ms });

describe('the lease of an owner', () => {
  it('holds until the margin before its end, counted from before the renewal was sent', () => {
    const lease = renewedLease(sentAt);
    expect(leaseLeftMs(lease, later(0))).toBe(2_500);
    expect(leaseLeftMs(lease, later(2_499))).toBe(1);
    expect(leaseLeftMs(lease, later(2_500))).toBe(0);
  });

  it('is over when the wall clock says so, though the monotonic one stood still in a sleep', () => {
    const awake = { wall: sentAt.wall + 30_000, monotonic: sentAt.monotonic };
    expect(leaseLeftMs(renewedLease(sentAt), awake)).toBeLessThan(0);
  });

  it('is over when the monotonic clock says so, though the wall clock was put back', () => {
    const putBack = { wall: sentAt.wall - 3_600_000, monotonic: sentAt.monotonic + 2_500 };
    expect(leaseLeftMs(renewedLease(sentAt), putBack)).toBeLessThanOrEqual(0);
  });

  it('outlives two renewals in a row that are lost', () => {
    const { heartbeatMs } = LEASE_TIMES;
    expect(leaseLeftMs(renewedLease(sentAt), later(2 * heartbeatMs))).toBeGreaterThan(0);
  });
});

describe('a take-over', () => {
  it('waits for the margin after the end of the lease', () => {
    const row = { expiresAt: 10_000, answeringSince: 0 };
    expect(mayTakeOver({ ...row, databaseNow: 10_499 })).toBe(false);
    expect(mayTakeOver({ ...row, databaseNow: 10_500 })).toBe(true);
  });

  it('gives everybody a whole lease after the database was away', () => {
    const row = { expiresAt: 10_000, answeringSince: 60_000 };
    expect(mayTakeOver({ ...row, databaseNow: 63_499 })).toBe(false);
    expect(mayTakeOver({ ...row, databaseNow: 63_500 })).toBe(true);
  });

  it('comes within 5 s of a death, and of the database answering', () => {
    const { leaseMs, takeMarginMs, heartbeatMs } = LEASE_TIMES;
    expect(leaseMs + takeMarginMs + heartbeatMs).toBeLessThan(5_000);
  });

  it('never meets an owner that still acts, whose clock is up to a quarter slower', () => {
    const times = fc.record({
      sent: fc.integer({ min: 0, max: 10_000 }),
      stampedAfter: fc.integer({ min: 0, max: 10_000 }),
      slower: fc.double({ min: 0, max: 0.25, noNaN: true }),
      at: fc.integer({ min: 0, max: 40_000 }),
    });
    fc.assert(
      fc.property(times, ({ sent, stampedAfter, slower, at }) => {
        const ownerAt = (real: number) => ({
          wall: real * (1 - slower),
          monotonic: real * (1 - slower),
        });
        const lease = renewedLease(ownerAt(sent));
        const expiresAt = sent + stampedAfter + LEASE_TIMES.leaseMs;
        const acts = leaseLeftMs(lease, ownerAt(at)) > 0;
        const taken = mayTakeOver({ databaseNow: at, expiresAt, answeringSince: 0 });
        expect(acts && taken).toBe(false);
      }),
    );
  });
});

describe('how the database has been answering', () => {
  it('counts from the first answer, and again from the first one after a gap', () => {
    const first = databaseAnswered(null, 1_000);
    expect(first).toEqual({ since: 1_000, lastAt: 1_000 });
    const second = databaseAnswered(first, 3_000);
    expect(second).toEqual({ since: 1_000, lastAt: 3_000 });
    expect(databaseAnswered(second, 5_001)).toEqual({ since: 5_001, lastAt: 5_001 });
  });
});

describe('times of leases that are set', () => {
  it('are fine by default', () => {
    expect(leaseTimesProblems(LEASE_TIMES)).toEqual([]);
  });

  it('are refused when one is no time, each by its name', () => {
    const problems = leaseTimesProblems({ ...LEASE_TIMES, leaseMs: 0, takeMarginMs: Number.NaN });
    expect(problems).toEqual([
      'leaseMs is 0; it has to be a number above 0.',
      'takeMarginMs is NaN; it has to be a number above 0.',
    ]);
  });

  it('are refused when one lost renewal would end a lease, or clocks could not differ at all', () => {
    const short = { heartbeatMs: 1_000, leaseMs: 2_400, stopMarginMs: 500, takeMarginMs: 500 };
    expect(leaseTimesProblems(short)).toEqual([expect.stringContaining('at least 2500')]);
    const tight = { heartbeatMs: 1_000, leaseMs: 3_000, stopMarginMs: 10, takeMarginMs: 10 };
    expect(leaseTimesProblems(tight)).toEqual([expect.stringContaining('at least 30')]);
  });
});
