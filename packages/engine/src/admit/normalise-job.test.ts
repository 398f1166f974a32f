import { readFileSync } from 'node:fs';
import { LIMITS } from '@ezthrottle/core/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JOB_SPELLINGS } from './job-fields.ts';
import { normaliseJob } from './normalise-job.ts';

interface Vector {
  readonly name: string;
  readonly input: unknown;
  readonly value: unknown;
  readonly warnings: unknown;
}

const file = new URL('../../../../spec/vectors/normalise/jobs.json', import.meta.url);
const vectors: { readonly cases: readonly Vector[] } = JSON.parse(readFileSync(file, 'utf8'));

describe('a job as clients write it', () => {
  it.each(vectors.cases)('$name', ({ input, value, warnings }) => {
    const given = structuredClone(input);
    expect(normaliseJob(input)).toEqual({ value, warnings, problems: [] });
    expect(input).toEqual(given);
  });

  it.each([null, undefined, 'text', 7, true, [], [{ url: 'https://a.example' }]])(
    'must be an object: %j',
    (input) => {
      expect(normaliseJob(input)).toEqual({
        value: input,
        warnings: [],
        problems: [{ path: '', message: 'is not an object', expected: 'a job as a JSON object' }],
      });
    },
  );

  it('keeps what has the wrong type, for the schema to name', () => {
    const input = {
      url: 7,
      webhooks: 'none',
      fallback_job: 'later',
      retry_policy: [],
      on_success: [],
    };
    expect(normaliseJob(input).value).toEqual(input);
    expect(normaliseJob({ webhooks: [7, 'x'] }).value).toEqual({ webhooks: [7, 'x'] });
  });

  it('has no field of its own prototype', () => {
    const input: unknown = JSON.parse('{"url":"https://a.example","__proto__":{"method":"PUT"}}');
    const { value, warnings } = normaliseJob(input);
    expect(value).toEqual({ url: 'https://a.example' });
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(warnings).toEqual([{ path: '__proto__', message: 'is not known and was left out' }]);
  });
});

describe('a tree that is too large', () => {
  it.each(['on_success', 'onFailure', 'fallbackJob'])(
    'is told once, also when %s lies 100,000 deep',
    (edge) => {
      const head = `{"url":"https://a.example","${edge}":`;
      const depth = 100_000;
      const input: unknown = JSON.parse(`${head.repeat(depth)}{}${'}'.repeat(depth)}`);
      const { problems } = normaliseJob(input);
      expect(problems).toHaveLength(1);
      expect(problems[0]?.path.length).toBeLessThanOrEqual(200);
    },
  );

  it('is cut where it becomes too deep', () => {
    const edges = Array.from({ length: LIMITS.treeDepth }, () => 'on_success');
    const input = edges.reduceRight<object>((next, edge) => ({ [edge]: next }), {});
    const { value, problems } = normaliseJob(input);
    expect(problems).toEqual([
      {
        path: edges.join('.').slice(0, 200),
        message: 'lies too deep',
        expected: 'at most 32 levels of steps',
      },
    ]);
    expect(JSON.stringify(value).match(/on_success/g)).toHaveLength(LIMITS.treeDepth - 1);
  });

  it('is one of more than 1,000 steps, not one with many fallbacks in a row', () => {
    const chain = (length: number): object =>
      Array.from({ length }).reduce<object>((next) => ({ fallback_job: next }), {});
    expect(normaliseJob(chain(999)).problems).toEqual([]);
    expect(normaliseJob(chain(1_000)).problems).toMatchObject([
      { message: 'is one step too many', expected: 'at most 1000 steps in one tree' },
    ]);
  });

  it('lists a hundred warnings and counts the others', () => {
    const fields = Array.from({ length: 150 }, (_, index) => [`unknown${index}`, 1]);
    const { warnings } = normaliseJob({ url: 'https://a.example', ...Object.fromEntries(fields) });
    expect(warnings).toHaveLength(101);
    expect(warnings.at(-1)).toEqual({ path: '', message: '50 more warnings are not listed' });
  });
});

describe('spelling', () => {
  const snake = fc.constantFrom(...new Set(JOB_SPELLINGS.values()));

  it('makes no difference: every field may be written either way', () => {
    fc.assert(
      fc.property(fc.dictionary(snake, fc.oneof(fc.string(), fc.integer())), (job) => {
        const camel = Object.entries(job).map(([name, value]) => {
          const spelling = [...JOB_SPELLINGS].findLast(([, canonical]) => canonical === name);
          return [spelling?.[0] ?? name, value];
        });
        expect(normaliseJob(Object.fromEntries(camel)).value).toEqual(normaliseJob(job).value);
      }),
    );
  });

  it('is settled by the first pass: a second one changes nothing', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (input) => {
        const { value } = normaliseJob(input);
        expect(normaliseJob(value).value).toEqual(value);
      }),
    );
  });
});
