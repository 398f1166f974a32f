import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { DecisionVector } from './vector.test-support.ts';
import { replay } from './vector.test-support.ts';

const file = new URL('../../../../spec/vectors/decide/jobs.json', import.meta.url);
const vectors: { readonly cases: readonly DecisionVector[] } = JSON.parse(
  readFileSync(file, 'utf8'),
);

describe('decisions are what the specification shows', () => {
  it.each(vectors.cases)('$name', (vector) => {
    const { accepted, steps } = replay(vector, vector.steps);
    expect(accepted).toEqual(vector.accepted);
    expect(steps).toEqual(vector.steps);
  });
});
