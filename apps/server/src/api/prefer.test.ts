import { expect, test } from 'vitest';
import { preferredWait } from './prefer.ts';

test.each([
  ['wait=10', 10],
  ['respond-async, wait=10', 10],
  ['return=minimal; foo="some, thing", WAIT = 5', 5],
  ['wait="7"', 7],
  ['wait=3;x=y, wait=9', 3],
  ['wait=0', 0],
  ['wait=100000', 60],
  ['wait=9999999999', 60],
  ['wait="00000000000000000007"', 7],
])('%s is understood', (header, seconds) => {
  expect(preferredWait(header)).toBe(seconds);
});

test.each([
  null,
  '',
  'wait',
  'wait=',
  'wait=-1',
  'wait=1.5',
  'wait=1s',
  'await=1',
  'handling=lenient',
])('%j is no preference', (header) => {
  expect(preferredWait(header)).toBeNull();
});
