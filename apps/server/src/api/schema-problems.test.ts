import { describe, expect, test } from 'vitest';
import { schemaCheck } from './schema-check.ts';

const check = schemaCheck<unknown>({
  type: 'object',
  required: ['name'],
  properties: {
    name: { type: 'string', minLength: 1, maxLength: 3 },
    size: { type: 'integer', minimum: 1, maximum: 9 },
    kind: { enum: ['a', 'b'] },
    'x-y': { type: 'boolean' },
    items: { type: 'array', maxItems: 1, items: { anyOf: [{ type: 'string' }, { type: 'null' }] } },
  },
});

function problemsOf(value: unknown): readonly unknown[] {
  const checked = check(value);
  return checked.ok ? [] : checked.problems;
}

describe('what a schema complains about', () => {
  test('is told for each place once, with a path as one writes it and what would be right', () => {
    expect(problemsOf({ size: 0, kind: 'c', 'x-y': 1, items: [1, 'a'] })).toEqual([
      { path: 'name', message: 'is missing', expected: 'a value' },
      { path: 'size', message: 'is too small', expected: '1 or more' },
      { path: 'kind', message: 'is not one of the allowed values', expected: '"a", "b"' },
      { path: '["x-y"]', message: 'has the wrong type', expected: 'a boolean' },
      { path: 'items', message: 'has too many entries', expected: '1 or fewer' },
      { path: 'items[0]', message: 'has the wrong type', expected: 'a string' },
    ]);
  });

  test('tells the entry of a list from a member whose name is a number', () => {
    const headers = schemaCheck<unknown>({
      type: 'object',
      properties: { headers: { type: 'object', additionalProperties: { type: 'string' } } },
    });
    const checked = headers({ headers: { 0: false } });
    expect(checked.ok ? [] : checked.problems.map(({ path }) => path)).toEqual(['headers["0"]']);
  });

  test('is nothing when all is well', () => {
    expect(problemsOf({ name: 'abc', size: 9, kind: 'b', items: [null] })).toEqual([]);
  });

  test('never repeats the value, which may be a secret', () => {
    const problems = JSON.stringify(problemsOf({ name: 'a-secret-value', kind: 'another-secret' }));
    expect(problems).not.toContain('secret');
  });

  test('has an end, however much is wrong', () => {
    const many = schemaCheck<unknown>({ type: 'array', items: { type: 'string' } });
    const checked = many(Array.from({ length: 10_000 }, (_, index) => index));
    expect(checked.ok ? 0 : checked.problems.length).toBe(100);
  });
});
