import type { Problem } from '@ezthrottle/core/protocol';
import { describe, expect, test } from 'vitest';
import { fullCheck } from './schema-check.ts';

interface Order {
  readonly name: string;
  readonly count?: number;
  readonly lines?: readonly string[];
  readonly to?: { readonly street: string; readonly city?: string };
}

const ADDRESS = {
  type: 'object',
  additionalProperties: false,
  required: ['street'],
  properties: { street: { type: 'string' }, city: { type: 'string' } },
} as const;

const SCHEMA = {
  type: 'object',
  additionalProperties: false,
  required: ['name'],
  properties: {
    name: { type: 'string' },
    count: { type: 'integer', minimum: 1 },
    lines: { type: 'array', items: { type: 'string' } },
    to: ADDRESS,
  },
} as const;

/** What no schema would say. */
function odd({ name, count, lines = [], to }: Partial<Order>): readonly Problem[] {
  const problem = (path: string): Problem => ({ path, message: 'is odd', expected: 'another' });
  return [
    ...(name === 'odd' ? [problem('name')] : []),
    ...(count === 7 ? [problem('count')] : []),
    ...lines.flatMap((line, index) => (line === 'odd' ? [problem(`lines[${index}]`)] : [])),
    ...(to?.city === 'odd' ? [problem('to.city')] : []),
  ];
}

const check = fullCheck<Order>(SCHEMA, odd);

function pathsOf(value: unknown): readonly string[] {
  const checked = check(value);
  return checked.ok ? [] : checked.problems.map(({ path }) => path).toSorted();
}

describe('what is wrong is told at once', () => {
  test.each<[string, unknown, readonly string[]]>([
    ['nothing', { name: 'a', count: 1 }, []],
    ['only what no schema says', { name: 'odd', count: 7 }, ['count', 'name']],
    ['beside an unknown field', { name: 'odd', more: 1 }, ['more', 'name']],
    ['beside a wrong type', { name: 5, count: 7 }, ['count', 'name']],
    ['beside a missing field', { count: 7, lines: ['a', 'odd'] }, ['count', 'lines[1]', 'name']],
    [
      'within a part that has another fault',
      { name: 'a', to: { street: 5, city: 'odd' } },
      ['to.street'],
    ],
    ['beside a list with a wrong entry', { name: 'odd', lines: [5, 'odd'] }, ['lines[0]', 'name']],
    ['beside a part that lacks something', { name: 'odd', to: {} }, ['name', 'to.street']],
    ['of what is no object', 'odd', ['']],
  ])('%s', (_, value, paths) => {
    expect(pathsOf(value)).toEqual(paths);
  });

  test('and what was checked stays as it was', () => {
    const value = { name: 5, lines: [5], to: { street: 5 } };
    check(value);
    expect(value).toEqual({ name: 5, lines: [5], to: { street: 5 } });
  });
});
