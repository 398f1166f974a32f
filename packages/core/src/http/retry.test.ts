import { describe, expect, it } from 'vitest';
import { parseRetryAfter } from './retry-after.ts';
import { retryDelay, retryPolicy } from './retry.ts';

const NOW = Date.UTC(2026, 0, 1);
const runtime = { now: () => NOW, random: () => 0.5 };
const policy = retryPolicy(undefined);

describe('trying again', () => {
  it.each([
    ['no answer', null, true, 125],
    ['no answer to what must not be repeated', null, false, null],
    ['429 to what must not be repeated: nothing was done', 429, false, 125],
    ['503', 503, true, 125],
    ['a refusal', 400, true, null],
    ['a conflict', 409, true, null],
  ] as const)('%s', (_, status, isRepeatable, delay) => {
    expect(retryDelay({ status, retryAt: null }, isRepeatable, 0, policy, runtime)).toBe(delay);
  });

  it('waits longer each time, up to its limit, and not at all after the last try', () => {
    const delays = [0, 1, 5].map((retries) =>
      retryDelay(
        { status: 503, retryAt: null },
        true,
        retries,
        { ...policy, maxRetries: 9 },
        runtime,
      ),
    );
    expect(delays).toEqual([125, 250, 4_000]);
    expect(retryDelay({ status: 503, retryAt: null }, true, 2, policy, runtime)).toBeNull();
    expect(
      retryDelay({ status: 503, retryAt: null }, true, 0, retryPolicy(false), runtime),
    ).toBeNull();
  });

  it('comes back when the server asks, never sooner, and not when that is far away', () => {
    const at = (ms: number): number | null =>
      retryDelay({ status: 429, retryAt: NOW + ms }, true, 0, policy, runtime);
    expect(at(2_000)).toBe(2_031);
    expect(at(-5)).toBe(31);
    expect(at(8_001)).toBeNull();
  });
});

describe('Retry-After', () => {
  it.each([
    ['5', NOW + 5_000],
    [' 0 ', NOW],
    ['Thu, 01 Jan 2026 00:00:10 GMT', NOW + 10_000],
    ['1.5', null],
    ['-1', null],
    ['soon', null],
    ['', null],
    [null, null],
  ])('%s', (header, at) => {
    expect(parseRetryAfter(header, NOW)).toBe(at);
  });
});
