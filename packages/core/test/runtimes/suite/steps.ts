import { compile, IdempotentStrategy, Step, StepType, StepValidationError } from '@ezthrottle/core';
import children from '../../../../../spec/vectors/plans/children.json' with { type: 'json' };
import fallbacks from '../../../../../spec/vectors/plans/fallbacks.json' with { type: 'json' };
import features from '../../../../../spec/vectors/plans/features.json' with { type: 'json' };
import problems from '../../../../../spec/vectors/plans/problems.json' with { type: 'json' };
import { errorOf, expectEqual, expectMembers, expectTrue } from './expectations.ts';
import type { Suite } from './world.ts';

interface PlanVector {
  readonly name: string;
  readonly options: { readonly canSeal: boolean; readonly continueAt?: string };
  readonly step: unknown;
  readonly plan?: unknown;
  readonly problems?: unknown;
}

export const steps: Suite = {
  'compiles features of a step to the published plans': () => compileAll(features),
  'compiles what follows a step to the published plans': () => compileAll(children),
  'compiles fallbacks to the published plans': () => compileAll(fallbacks),
  'finds the published problems of a tree, all at once': () => compileAll(problems),

  'a step never changes, and goes through JSON and back': () => {
    const first = new Step().url('https://api.example/a').query({ q: ['ü', 'b c'] });
    const second = first.method('post').json({ note: '✓' }).type(StepType.FRUGAL);
    expectTrue(first !== second && Object.isFrozen(first), 'a step was changed');
    expectTrue(first.node.method === undefined, 'a method reached the step before');
    const again = Step.from(JSON.parse(JSON.stringify(second)));
    expectEqual(again.toJSON(), second.toJSON());
  },

  'bytes of a body travel as base64, also of a view and of a large one': () => {
    const buffer = Uint8Array.from([9, 0xff, 0x00, 0xfe, 9]).buffer;
    expectEqual(jobOf(new Uint8Array(buffer, 1, 3)), { body: '/wD+', body_encoding: 'base64' });
    const large = new Uint8Array(100_000).map((_, index) => (index * 31) % 256);
    const decoded = atob(jobOf(large).body ?? '');
    expectTrue(
      decoded.length === large.length &&
        large.every((byte, index) => decoded.charCodeAt(index) === byte),
      'the bytes came out different',
    );
  },

  'draws a tree as text and as Mermaid, without what is secret in it': () => {
    const step = new Step()
      .url('https://api.example/a?token=secret')
      .description('Ask “A”')
      .fallback(new Step().url('https://api.example/b'), { triggerOnTimeout: 800 });
    expectEqual(step.describe(), step.describe('text'));
    expectEqual(step.describe().split('\n'), [
      'GET https://api.example/a?… (on the server): Ask “A”',
      '└─ fallback after 800 ms: GET https://api.example/b (on the server)',
    ]);
    expectEqual(step.describe('mermaid').split('\n'), [
      'flowchart TD',
      '  step1["Ask “A”<br/>GET https://api.example/a?…<br/>on the server"]',
      '  step2["GET https://api.example/b<br/>on the server"]',
      '  step1 -->|"fallback after 800 ms"| step2',
    ]);
  },

  'makes new ids with the randomness of the runtime': () => {
    const step = new Step()
      .url('https://api.example/a')
      .idempotentStrategy(IdempotentStrategy.UNIQUE);
    const keys = [1, 2].map(() => {
      const plan = compile(step, { canSeal: false, createId: () => crypto.randomUUID() });
      return plan.kind === 'submit' ? plan.job.idempotent_key : null;
    });
    expectTrue(typeof keys[0] === 'string' && keys[0] !== keys[1], `the keys are ${String(keys)}`);
  },
};

function compileAll(vectors: readonly PlanVector[]): Promise<void> {
  return vectors.reduce(async (before, vector) => {
    await before;
    await compileOne(vector).catch((error: unknown) => {
      throw new Error(`${vector.name}: ${String(error)}`);
    });
  }, Promise.resolve());
}

async function compileOne(vector: PlanVector): Promise<void> {
  let count = 0;
  const options = { ...vector.options, createId: () => `id-${(count += 1)}` };
  const step = Step.from(vector.step);
  if (vector.problems === undefined) {
    expectEqual(compile(step, options), vector.plan);
    return;
  }
  const error = await errorOf(() => compile(step, options));
  expectTrue(error instanceof StepValidationError, `it is another error: ${String(error)}`);
  expectMembers(error, { problems: vector.problems });
}

function jobOf(body: Uint8Array): { body?: string; body_encoding?: string } {
  const step = new Step().url('https://api.example/a').method('POST').body(body);
  const plan = compile(step, { canSeal: false, createId: () => 'id' });
  if (plan.kind !== 'submit') throw new Error('the plan is another');
  const { url: _, method: __, ...rest } = plan.job;
  return rest;
}
