import { describe, expect, it } from 'vitest';
import { ConfigurationError } from '../errors.ts';
import { Step, type StepClient } from './step.ts';

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
