import { expect, it } from 'vitest';
import { checkJson } from './json-checks.ts';

function problemOf(value: unknown): string | null {
  return checkJson(value, 'here')[0]?.message ?? null;
}

it.each<[string, unknown]>([
  ['a Map', new Map([['a', 1]])],
  ['headers', new Headers({ a: 'b' })],
  ['a form', new URLSearchParams('a=b')],
  ['a file', new Blob(['a'])],
  ['bytes', new Uint8Array(2)],
  ['no number', Number.NaN],
  ['a number without end', { a: [Number.POSITIVE_INFINITY] }],
  ['a hole in a list', [undefined]],
  ['a function', { a: () => 1 }],
  ['a BigInt', { a: 1n }],
  ['nothing', undefined],
])('%s, which JSON would change or lose, is refused', (_, value) => {
  expect(problemOf(value)).toBe('cannot be written as JSON as it is');
});

it.each<[string, unknown]>([
  ['plain data', { a: [1, 'b', null, { c: false }] }],
  ['an absent member', { a: undefined }],
  ['a date, which writes itself', { at: new Date(0) }],
  ['an object without prototype', Object.assign(Object.create(null), { a: 1 })],
])('%s is taken', (_, value) => {
  expect(problemOf(value)).toBeNull();
});
