import { expect, test } from 'vitest';
import { namedInstant } from './named-instant.ts';

const NOW = Date.UTC(2026, 0, 1);

test.each<[number, Record<string, string>, number | null]>([
  [429, { 'retry-after': '2.0' }, 2_000],
  [429, { 'retry-after': '2', 'retry-after-ms': '1250' }, 1_250],
  [429, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(NOW / 1_000 + 9) }, 9_000],
  [429, { 'x-ratelimit-remaining': '3', 'x-ratelimit-reset': '9' }, null],
  [503, { 'retry-after': '0' }, null],
  [429, { 'retry-after': '0', 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '9' }, 9_000],
  [429, { 'x-ratelimit-retry-after': '7' }, 7_000],
  [503, { 'x-retry-after': '7' }, 7_000],
  [429, { 'retry-after': '3, 8' }, 8_000],
  [403, { 'retry-after': '5' }, 5_000],
  [403, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '9' }, null],
  [500, { 'retry-after': '5' }, 5_000],
  [500, { 'retry-after-ms': '5' }, null],
  [429, {}, null],
])('a %d with %o wants to be left alone for %s ms', (status, headers, waitMs) => {
  const expected = waitMs === null ? null : NOW + waitMs;
  expect(namedInstant(status, headers, NOW)).toBe(expected);
});
