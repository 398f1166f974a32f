import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JobRequest } from '../protocol/job.ts';
import type { LocalPlan, Plan, SubmitPlan } from '../protocol/plan.ts';
import { forwardPlan } from './assemble-job.ts';
import { compile, type CompileOptions } from './compile.ts';
import { remoteJob } from './remote-job.ts';
import { Step } from './step.ts';
import type { StepNode } from './step-node.ts';

/** A tree in outline; every step of it gets an address of its own. */
interface Outline {
  readonly type: 'frugal' | 'performance' | undefined;
  readonly onSuccess: Outline | null;
  readonly onFailure: Outline | null;
  readonly fallbacks: readonly Outline[];
}

/** At most this many levels, so that no tree comes near the bounds. */
function outlineOf(levels: number): fc.Arbitrary<Outline> {
  const child = levels > 1 ? outlineOf(levels - 1) : null;
  return fc.record({
    type: fc.constantFrom('frugal' as const, 'performance' as const, undefined),
    onSuccess: child === null ? fc.constant(null) : fc.option(child),
    onFailure: child === null ? fc.constant(null) : fc.option(child, { freq: 1 }),
    fallbacks: child === null ? fc.constant([]) : fc.array(child, { maxLength: 2 }),
  });
}

const outline = outlineOf(4);

function build(root: Outline): { readonly step: Step; readonly urls: readonly string[] } {
  const urls: string[] = [];
  const make = ({ type, onSuccess, onFailure, fallbacks }: Outline): Step => {
    const url = `https://api.example/${urls.length}`;
    urls.push(url);
    let step = new Step().url(url);
    if (type !== undefined) step = step.type(type);
    if (onSuccess !== null) step = step.onSuccess(make(onSuccess));
    if (onFailure !== null) step = step.onFailure(make(onFailure));
    return fallbacks.reduce((built, fallback) => built.fallback(make(fallback)), step);
  };
  return { step: make(root), urls };
}

function options(): CompileOptions {
  let count = 0;
  const createId = (): string => `id-${(count += 1)}`;
  return { createId, canSeal: true, continueAt: 'https://app.example/continue' };
}

function urlsOfJob({ url, fallback_job, on_success, on_failure }: JobRequest): readonly string[] {
  return [
    url,
    ...[fallback_job, on_success, on_failure].flatMap((job) => (job ? urlsOfJob(job) : [])),
  ];
}

function urlsOfPlan(plan: Plan): readonly string[] {
  if (plan.kind === 'submit') return [...urlsOfJob(plan.job), ...urlsOfContinuations(plan)];
  return [plan, ...plan.fallbacks].flatMap(({ job, on_success, on_failure }) => [
    ...urlsOfJob(job),
    ...[on_success, on_failure].flatMap((child) => (child ? urlsOfPlan(child) : [])),
  ]);
}

function urlsOfContinuations({ continuations }: SubmitPlan): readonly string[] {
  return continuations.flatMap(({ content }) =>
    content.edges.flatMap(({ plan }) => urlsOfPlan(plan)),
  );
}

function localPlans(plan: Plan): readonly LocalPlan[] {
  if (plan.kind === 'submit') {
    return plan.continuations.flatMap(({ content }) =>
      content.edges.flatMap((edge) => localPlans(edge.plan)),
    );
  }
  const children = [plan, ...plan.fallbacks].flatMap(({ on_success, on_failure }) =>
    [on_success, on_failure].flatMap((child) => (child ? localPlans(child) : [])),
  );
  return [plan, ...children];
}

function sorted(urls: readonly string[]): readonly string[] {
  return urls.toSorted((a, b) => a.localeCompare(b));
}

/** Types of the calls that a payload's own jobs make, fallbacks left out. */
function ownersOf(job: JobRequest): readonly string[] {
  return [
    job.url,
    ...[job.on_success, job.on_failure].flatMap((child) => (child ? ownersOf(child) : [])),
  ];
}

describe('any tree of steps', () => {
  it('has every step in its plan exactly once: nothing lost, one owner each (rows 3 and 4)', () => {
    fc.assert(
      fc.property(outline, (root) => {
        const { step, urls } = build(root);
        expect(sorted(urlsOfPlan(compile(step, options())))).toEqual(sorted(urls));
      }),
    );
  });

  it('keeps every step when one that ran here is handed on', () => {
    fc.assert(
      fc.property(outline, (root) => {
        for (const plan of localPlans(compile(build(root).step, options()))) {
          const forwarded = forwardPlan(plan, new Set());
          expect(sorted(urlsOfPlan(forwarded))).toEqual(sorted(urlsOfPlan(plan)));
        }
      }),
    );
  });

  it('nests no FRUGAL child in a payload', () => {
    fc.assert(
      fc.property(outline, (root) => {
        const { step, urls } = build({ ...root, type: 'performance' });
        const plan = compile(step, options());
        if (plan.kind !== 'submit') throw new Error('a PERFORMANCE root is submitted');
        const types = new Map<string | undefined, StepNode['type']>();
        const note = (node: StepNode): void => {
          types.set(node.url, node.type);
          const children = [
            node.onSuccess,
            node.onFailure,
            ...(node.fallbacks ?? []).map((f) => f.step),
          ];
          for (const child of children) if (child !== undefined) note(child);
        };
        note(step.node);
        expect(types.size).toBe(urls.length);
        for (const url of ownersOf(plan.job)) expect(types.get(url)).not.toBe('frugal');
      }),
    );
  });

  it('compiles to the same plan after a trip through JSON, and the plan is plain JSON', () => {
    fc.assert(
      fc.property(outline, (root) => {
        const { step } = build(root);
        const plan = compile(step, options());
        expect(compile(Step.from(JSON.parse(JSON.stringify(step))), options())).toEqual(plan);
        expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
      }),
    );
  });

  it('grows with its steps, not with its depth: a chain of FRUGAL steps is written once', () => {
    const chain = (length: number): number => {
      let step = new Step().url('https://api.example/').type('frugal');
      for (let count = 1; count < length; count += 1) {
        step = new Step().url('https://api.example/').type('frugal').onSuccess(step);
      }
      return JSON.stringify(compile(step, options())).length;
    };
    expect(chain(32) / chain(16)).toBeLessThan(2.2);
  });
});

function withoutTypes({ type: _, ...outline }: Outline): Outline {
  const child = (inner: Outline | null): Outline | null =>
    inner === null ? null : withoutTypes(inner);
  return {
    type: undefined,
    onSuccess: child(outline.onSuccess),
    onFailure: child(outline.onFailure),
    fallbacks: outline.fallbacks.map(withoutTypes),
  };
}

it('a client that only submits sends the very job that the whole client sends', () => {
  fc.assert(
    fc.property(outline, (root) => {
      const { node } = build(withoutTypes(root)).step.idempotentStrategy('unique');
      const job = remoteJob(node, options().createId);
      expect({ kind: 'submit', job, continuations: [] }).toEqual(compile({ node }, options()));
    }),
  );
});
