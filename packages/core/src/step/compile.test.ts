import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { StepValidationError } from '../errors.ts';
import { compile } from './compile.ts';
import { Step } from './step.ts';

const folder = new URL('../../../../spec/vectors/plans/', import.meta.url);

interface PlanVector {
  readonly name: string;
  readonly options: { readonly canSeal: boolean; readonly continueAt?: string };
  readonly step: unknown;
  readonly plan?: unknown;
  readonly problems?: unknown;
}

function countingIds(): () => string {
  let count = 0;
  return () => {
    count += 1;
    return `id-${count}`;
  };
}

function compiled(step: Step, canSeal = true): unknown {
  return compile(step, { canSeal, createId: countingIds() });
}

function problemsOf(work: () => unknown): readonly { readonly path: string }[] {
  try {
    work();
  } catch (error) {
    if (error instanceof StepValidationError) return error.problems;
    throw error;
  }
  return [];
}

describe.each(readdirSync(folder).filter((name) => name.endsWith('.json')))('plans: %s', (file) => {
  const vectors: readonly PlanVector[] = JSON.parse(readFileSync(new URL(file, folder), 'utf8'));

  it.each(vectors.map((vector) => [vector.name, vector] as const))('%s', (_, vector) => {
    const step = Step.from(vector.step);
    const options = { ...vector.options, createId: countingIds() };
    if (vector.problems === undefined) expect(compile(step, options)).toEqual(vector.plan);
    else expect(problemsOf(() => compile(step, options))).toEqual(vector.problems);
  });
});

describe('bounds', () => {
  const leaf = new Step().url('https://api.example/leaf');

  it('a step shared exponentially often is refused quickly instead of being written out', () => {
    let tree = leaf;
    for (let level = 0; level < 30; level += 1) tree = leaf.onSuccess(tree).onFailure(tree);
    expect(problemsOf(() => compiled(tree))).toContainEqual(
      expect.objectContaining({ expected: 'at most 1000 steps' }),
    );
    let chain = leaf;
    for (let level = 0; level < 30; level += 1) chain = leaf.fallback(chain).fallback(chain);
    expect(problemsOf(() => compiled(chain))).toContainEqual(
      expect.objectContaining({ expected: 'at most 1000 steps' }),
    );
    expect(() => JSON.stringify(tree)).toThrow(StepValidationError);
  });

  it('32 levels compile, 33 do not', () => {
    let tree = leaf;
    for (let level = 1; level < 32; level += 1) tree = leaf.onSuccess(tree);
    expect(problemsOf(() => compiled(tree))).toEqual([]);
    expect(problemsOf(() => compiled(leaf.onSuccess(tree)))).toEqual([
      {
        path: Array.from({ length: 32 }, () => 'onSuccess').join('.'),
        message: 'is nested too deeply',
        expected: 'at most 32 levels of steps',
      },
    ]);
  });

  it('a long list of fallbacks is one level', () => {
    let step = leaf;
    for (let count = 0; count < 200; count += 1) step = step.fallback(leaf);
    expect(problemsOf(() => compiled(step))).toEqual([]);
  });

  it('a continuation that does not fit into the metadata names its size', () => {
    const large = leaf.type('frugal').method('POST').body('x'.repeat(60_000));
    const tree = leaf.onSuccess(leaf.webhooks([{ url: 'https://app.example/' }]).onSuccess(large));
    expect(problemsOf(() => compiled(tree))).toEqual([
      {
        path: 'onSuccess',
        message: expect.stringMatching(/^carries 80\d{3} bytes of metadata/),
        expected: expect.stringContaining('at most 65536 bytes'),
      },
    ]);
  });

  it('metadata over 64 KiB is refused', () => {
    const step = leaf.metadata({ text: 'x'.repeat(65_536) });
    expect(problemsOf(() => compiled(step))).toEqual([
      expect.objectContaining({ path: 'metadata', expected: 'at most 65536 bytes' }),
    ]);
  });

  it('JSON of any depth is refused without overflowing', () => {
    let json: object = { url: 'https://api.example/' };
    for (let level = 0; level < 50_000; level += 1) json = { onSuccess: json };
    expect(() => Step.from(json)).toThrow(StepValidationError);
  });

  it('JSON that is no step is refused with every place that is wrong', () => {
    const json = {
      url: 1,
      typo: true,
      webhooks: [{ url: 'https://a.example', vote: 1 }, 7],
      fallbacks: {},
    };
    expect(problemsOf(() => Step.from(json)).map(({ path }) => path)).toEqual([
      'url',
      'webhooks[0].vote',
      'webhooks[1]',
      'fallbacks',
      'typo',
    ]);
    expect(() => Step.from(null)).toThrow(StepValidationError);
  });
});

describe('the semantics adopted where the SDKs disagree', () => {
  const api = new Step().url('https://api.example/');

  it('row 20: a step without a type is PERFORMANCE', () => {
    expect(compiled(api)).toMatchObject({ kind: 'submit' });
  });

  it('row 6: compiling twice gives the same plan, nothing is appended to the step', () => {
    const step = api.webhooks([{ url: 'https://app.example/' }]).onSuccess(api.type('frugal'));
    expect(compiled(step)).toEqual(compiled(step));
  });

  it('row 31: a UNIQUE step gets one key for a local attempt and its forward', () => {
    const plan = compiled(api.type('frugal').idempotentStrategy('unique'));
    expect(plan).toMatchObject({ kind: 'local', job: { idempotent_key: 'id-1' } });
  });

  it('secrets of a URL do not reach the error', () => {
    const work = (): unknown => compiled(api.url('https://user:hunter2@api.example/'));
    expect(work).toThrow(StepValidationError);
    expect(work).not.toThrow(/hunter2/);
  });
});
