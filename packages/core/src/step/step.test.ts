import { describe, expect, it } from 'vitest';
import { ConfigurationError, StepValidationError } from '../errors.ts';
import { compile } from './compile.ts';
import type { StepClient } from './step-builder.ts';
import { Step } from './step.ts';

describe('a step', () => {
  it('never changes: a call whose result is dropped does nothing', () => {
    const step = new Step().url('https://api.example/');
    step.method('POST').header('X-A', '1').fallback(step);
    expect(step.toJSON()).toEqual({ url: 'https://api.example/' });
  });

  it('is frozen, and so is everything in it', () => {
    const step = new Step().metadata({ list: [{ a: 1 }] }).webhooks([{ url: 'https://a.example' }]);
    expect(Object.isFrozen(step)).toBe(true);
    expect(() => Object.assign(step.node.metadata?.list?.valueOf() ?? {}, { 1: 2 })).toThrow(
      TypeError,
    );
    expect(Object.isFrozen(step.node.webhooks?.[0])).toBe(true);
  });

  it('keeps its own copy of what it was given', () => {
    const headers = { 'X-A': '1' };
    const metadata = { inner: { n: 1 } };
    const codes = [500];
    const step = new Step().headers(headers).metadata(metadata).fallbackOnError(codes);
    headers['X-A'] = '2';
    metadata.inner.n = 2;
    codes.push(501);
    expect(step.node).toMatchObject({
      headers: { 'X-A': '1' },
      metadata: { inner: { n: 1 } },
      fallbackOnError: [500],
    });
  });

  it('shares its children instead of copying them', () => {
    const shared = new Step().url('https://api.example/child');
    const one = new Step().onSuccess(shared);
    const two = new Step().onFailure(shared, 100);
    expect(one.node.onSuccess).toBe(two.node.onFailure);
    expect(two.node.onFailureTimeout).toBe(100);
  });

  it('names limits, a second call and a last moment, as the job that it becomes', () => {
    const step = new Step()
      .url('https://api.example/x')
      .limits(['requests', { key: 'tokens', cost: 900, settlePath: '$.usage' }])
      .hedge({ percentile: 95, budgetPercent: 5 })
      .executeBefore(1_900_000_000_000)
      .fallback(new Step().url('https://b.example/').limits(['other']).hedge({ afterMs: 50 }));
    expect(Step.from(structuredClone(step.toJSON())).node).toEqual(step.node);
    expect(compile(step, { canSeal: true, createId: () => 'id' })).toMatchObject({
      job: {
        limits: ['requests', { key: 'tokens', cost: 900, settle_path: '$.usage' }],
        hedge_percentile: 95,
        hedge_budget_percent: 5,
        execute_before: 1_900_000_000_000,
        fallback_job: { limits: ['other'], hedge_after_ms: 50 },
      },
    });
  });

  it('tells what is wrong with its limits, second call and last moment, all at once', () => {
    const step = new Step()
      .url('https://api.example/x')
      .limits(['', { key: 'tokens', cost: 0 }])
      .hedge({ afterMs: 10, percentile: 20 })
      .executeBefore(-1);
    const problems = (): readonly string[] => {
      try {
        compile(step, { canSeal: true, createId: () => 'id' });
      } catch (error) {
        if (error instanceof StepValidationError) return error.problems.map(({ path }) => path);
        throw error;
      }
      return [];
    };
    expect(problems()).toEqual(['limits[0]', 'limits[1].cost', 'hedgePercentile', 'executeBefore']);
    const both = step.limits([]).executeBefore(5).hedge({ percentile: 60 });
    expect(() => compile(both, { canSeal: true, createId: () => 'id' })).toThrow(
      'hedgePercentile is given beside hedgeAfterMs',
    );
  });

  it('collects fallbacks in a list (row 13)', () => {
    const one = new Step().url('https://api.example/1');
    const two = new Step().url('https://api.example/2');
    const step = new Step()
      .fallback(one, { triggerOnError: [500] })
      .fallback(two, { triggerOnTimeout: 9 });
    expect(step.node.fallbacks).toEqual([
      { step: one.node, triggerOnError: [500] },
      { step: two.node, triggerOnTimeout: 9 },
    ]);
  });

  it('takes null for a trigger that is not there', () => {
    const step = new Step().fallback(new Step(), { triggerOnError: null, triggerOnTimeout: null });
    expect(step.node.fallbacks).toEqual([{ step: {} }]);
  });

  it('comes back from its JSON as it was', () => {
    const step = new Step()
      .url('https://api.example/')
      .json({ a: [1, null] })
      .query({ a: [1, 'x'] })
      .retryPolicy({ maxRetries: 1 })
      .onSuccess(new Step().url('https://api.example/b').type('frugal'))
      .fallback(new Step().url('https://api.example/c'), { triggerOnTimeout: 5 });
    const text = JSON.stringify(step);
    expect(Step.from(JSON.parse(text)).node).toEqual(step.node);
  });

  it('replaces bytes by text and the other way round', () => {
    const step = new Step().body(new Uint8Array([1])).body('text');
    expect(step.node).toEqual({ body: 'text' });
  });

  it('runs with the client given to execute, else with its own, else not at all', async () => {
    const clientNamed = (name: string): StepClient => ({
      execute: (_, options) =>
        Promise.reject(new Error(`${name} ${String(options?.signal?.aborted)}`)),
    });
    const { signal } = new AbortController();
    const step = new Step(clientNamed('own'));
    await expect(step.execute()).rejects.toThrow('own undefined');
    await expect(step.execute({ signal })).rejects.toThrow('own false');
    await expect(step.execute(clientNamed('given'), { signal })).rejects.toThrow('given false');
    await expect(new Step().execute()).rejects.toThrow(ConfigurationError);
  });
});

/** Paths of everything that is wrong with what users without types may write. */
function pathsOf(make: () => unknown): readonly string[] {
  try {
    const step = make();
    if (step instanceof Step) compile(step, { canSeal: true, createId: () => 'id' });
  } catch (error) {
    if (error instanceof StepValidationError) return error.problems.map(({ path }) => path);
    throw error;
  }
  return [];
}

/** A method as somebody calls it who has no types. */
function given(method: keyof Step, ...values: readonly unknown[]): Step {
  const step = new Step().url('https://api.example/').method('POST');
  const work: unknown = step[method];
  if (typeof work !== 'function') throw new Error(method);
  const made: unknown = Reflect.apply(work, step, values);
  if (made instanceof Step) return made;
  throw new Error('no step');
}

function nested(levels: number): object {
  let value: object = {};
  for (let level = 0; level < levels; level += 1) value = { value };
  return value;
}

const cycle: Record<string, unknown> = {};
cycle['self'] = cycle;

describe('a condition of a fallback is never lost', () => {
  const other = new Step().url('https://api.example/other');

  it.each([
    [{ triggerOnError: 500 }],
    [{ trigger_on_error: [500] }],
    [{ trigger_on_error: 500, trigger_on_timeout: null }],
  ])('%j starts it on 500', (options) => {
    expect(given('fallback', other, options).node.fallbacks).toEqual([
      { triggerOnError: [500], step: other.node },
    ]);
  });

  it('takes the time in either spelling', () => {
    expect(given('fallback', other, { trigger_on_timeout: 5 }).node.fallbacks).toEqual([
      { triggerOnTimeout: 5, step: other.node },
    ]);
  });

  it.each([
    [{ triggerOnErorr: 500 }, 'fallback[0].triggerOnErorr'],
    [{ codes: [500] }, 'fallback[0].codes'],
    [{ triggerOnError: '500' }, 'fallback[0].triggerOnError'],
    [[500], 'fallback[0].options'],
    [500, 'fallback[0].options'],
  ])('%j is refused', (options, path) => {
    expect(pathsOf(() => given('fallback', other, options))).toEqual([path]);
  });
});

describe('what a step cannot use is named, by its place, and nothing is dropped', () => {
  it.each<[keyof Step, string, readonly unknown[]]>([
    ['method', 'method', [undefined]],
    ['body', 'body', [null]],
    ['body', 'body', [{ a: 1 }]],
    ['body', 'body', [new URLSearchParams('a=1')]],
    ['body', 'body', [42]],
    ['json', 'body', [cycle]],
    ['json', 'body', [1n]],
    ['webhooks', 'webhooks', [{}]],
    ['webhooks', 'webhooks[0]', [[null]]],
    ['regions', 'regions', [undefined]],
    ['regions', 'regions', ['iad']],
    ['regions', 'regions[0]', [['.iad']]],
    ['query', 'query', [null]],
    ['query', 'query', [{ a: {} }]],
    ['headers', 'headers', [null]],
    ['header', 'headers.Name', ['Name', undefined]],
    ['bearer', 'headers.Authorization', [undefined]],
    ['fallbackOnError', 'fallbackOnError', [429]],
    ['retryPolicy', 'retryPolicy', [null]],
    ['metadata', 'metadata', [undefined]],
    ['metadata', 'metadata', [cycle]],
    ['metadata', 'metadata', [{ a: 1n }]],
    ['metadata', 'metadata', [nested(1_000)]],
    ['metadata', 'metadata', [nested(100_000)]],
    ['onSuccess', 'onSuccess', [{ url: 'https://api.example/' }]],
    ['onFailure', 'onFailure', [{}]],
    ['fallback', 'fallback[0].step', [{ url: 'https://api.example/' }]],
    ['idempotentKey', 'idempotentKey', ['half \ud800']],
    ['userId', 'userId', ['half \ud800']],
    ['tags', 'tags[0]', [['half \udc00']]],
  ])('%s: %s', (method, path, values) => {
    expect(pathsOf(() => given(method, ...values))).toEqual([path]);
  });

  it('all at once', () => {
    const step = given('metadata', cycle)
      .regions([''])
      .onFailure(given('regions', 'iad'))
      .onSuccess(given('webhooks', [null]));
    expect(pathsOf(() => step)).toEqual([
      'regions[0]',
      'metadata',
      'onSuccess.webhooks[0]',
      'onFailure.regions',
    ]);
  });

  it('also in JSON', () => {
    const url = 'https://api.example/';
    expect(pathsOf(() => Step.from({ url, metadata: cycle }))).toEqual(['metadata']);
    expect(pathsOf(() => Step.from({ url, metadata: nested(100_000) }))).toEqual(['metadata']);
    expect(pathsOf(() => Step.from({ url, onSuccess: { metadata: { a: 1n } } }))).toEqual([
      'onSuccess.metadata',
    ]);
    const base64 = { url, method: 'POST', bodyEncoding: 'base64' };
    expect(pathsOf(() => Step.from({ ...base64, body: '!!!' }))).toEqual(['body']);
    expect(pathsOf(() => Step.from({ ...base64, body: 'AQI=' }))).toEqual([]);
  });
});

describe('what a step is given in another form', () => {
  it('bytes are taken from whatever holds them', () => {
    const { buffer } = new Uint8Array([0, 1, 2, 3]);
    expect(new Step().body(buffer).node.body).toBe('AAECAw==');
    expect(new Step().body(new DataView(buffer, 1, 2)).node.body).toBe('AQI=');
  });

  it('headers and parameters are taken from whatever lists them', () => {
    const headers = { 'x-a': '1' };
    expect(new Step().headers(new Headers(headers)).node.headers).toEqual(headers);
    expect(new Step().headers(new Map(Object.entries(headers))).node.headers).toEqual(headers);
    const query = new Step().query(new URLSearchParams('a=1&a=2')).node.query;
    expect(query).toEqual([
      ['a', '1'],
      ['a', '2'],
    ]);
  });

  it('is copied to its depths', () => {
    const retryCodes = [500];
    const regions = ['iad'];
    const step = new Step()
      .retryPolicy({ retryCodes })
      .webhooks([{ url: 'https://app.example/', regions }]);
    retryCodes.push(501);
    regions.push('fra');
    expect(step.node).toMatchObject({
      retryPolicy: { retry_codes: [500] },
      webhooks: [{ regions: ['iad'] }],
    });
    expect(Object.isFrozen(step.node.retryPolicy?.retry_codes)).toBe(true);
    expect(Object.isFrozen(step.node.webhooks?.[0]?.regions)).toBe(true);
    const { node } = Step.from({ metadata: { list: [{ a: 1 }] } });
    expect(Object.isFrozen(node.metadata)).toBe(true);
    expect(Object.isFrozen(node.metadata?.['list'])).toBe(true);
  });
});
