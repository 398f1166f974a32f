import { expect, test } from 'vitest';
import { parseJsonPath, valueAt } from './json-path.ts';

const answer: unknown = JSON.parse(
  '{"usage":{"total_tokens":42,"by-kind":[{"n":1},{"n":2}]},"two words":7,"__proto__":{"x":1}}',
);

test.each([
  ['$.usage.total_tokens', 42],
  ['$.usage.by-kind[1].n', 2],
  ["$['two words']", 7],
  ['$.usage.none', undefined],
  ['$.usage[0]', undefined],
  ['$.usage.by-kind.length', undefined],
  ['$.toString', undefined],
])('%s finds %s', (text, value) => {
  const path = parseJsonPath(text);
  expect(path).not.toBeNull();
  expect(valueAt(answer, path ?? [])).toEqual(value);
});

test.each([
  '',
  '$',
  'usage',
  '$..tokens',
  '$.*',
  '$.a[*]',
  '$.a[1:2]',
  '$.a[?@.b]',
  `$${'.a'.repeat(33)}`,
])('%s is not a path to one value', (text) => {
  expect(parseJsonPath(text)).toBeNull();
});
