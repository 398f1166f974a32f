import { FakeClock } from '@ezthrottle/testkit';
import { describe, expect, it } from 'vitest';
import { retried } from './retried.ts';

const AWAY = new Error('away');

describe('retried', () => {
  it('tries again with longer and longer pauses until it goes well', async () => {
    const clock = new FakeClock();
    const moments: number[] = [];
    const options = { clock, forMs: 60_000, mayGoBetter: () => true, random: () => 0.99 };
    const result = retried(options, async () => {
      moments.push(clock.monotonic());
      if (moments.length < 12) throw AWAY;
      return 'done';
    });
    await clock.advance(10_000);
    expect(await result).toBe('done');
    const pauses = moments.slice(1).map((moment, index) => moment - (moments[index] ?? 0));
    expect(pauses.toSorted((one, other) => one - other)).toEqual(pauses);
    expect(pauses.at(0)).toBeLessThanOrEqual(10);
    expect(pauses.at(-1)).toBeGreaterThan(900);
    expect(pauses.at(-1)).toBeLessThanOrEqual(1_000);
  });

  it('gives up when its time is over, with the last error', async () => {
    const clock = new FakeClock();
    let tries = 0;
    const options = { clock, forMs: 500, mayGoBetter: () => true };
    const result = retried(options, async () => {
      tries += 1;
      throw AWAY;
    }).catch((error: unknown) => error);
    await clock.advance(2_000);
    expect(await result).toBe(AWAY);
    expect(tries).toBeGreaterThan(4);
  });

  it('does not try again what cannot go better', async () => {
    const clock = new FakeClock();
    let tries = 0;
    const options = { clock, forMs: 500, mayGoBetter: () => false };
    const result = retried(options, async () => {
      tries += 1;
      throw AWAY;
    });
    await expect(result).rejects.toBe(AWAY);
    expect(tries).toBe(1);
  });
});
