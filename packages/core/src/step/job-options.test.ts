import { describe, expect, it } from 'vitest';
import { ValidationError } from '../errors.ts';
import { jobRequest } from './job-options.ts';

const url = 'https://api.example/';

/** As somebody calls it who has no types. */
function request(options: object): unknown {
  return Reflect.apply(jobRequest, null, [options]);
}

function pathsOf(options: object): readonly string[] {
  try {
    request(options);
  } catch (error) {
    if (error instanceof ValidationError) return error.problems.map(({ path }) => path);
    throw error;
  }
  return [];
}

function nested(levels: number, name: string): object {
  let value: object = { url };
  for (let level = 0; level < levels; level += 1) value = { url, [name]: value };
  return value;
}

describe('the trigger of a job given as options', () => {
  it.each([
    [{ codes: [500] }, { type: 'on_error', codes: [500] }],
    [{ codes: 500 }, { type: 'on_error', codes: [500] }],
    [{ timeoutMs: 5 }, { type: 'on_timeout', timeout_ms: 5 }],
    [
      { type: 'on_timeout', timeout_ms: 5 },
      { type: 'on_timeout', timeout_ms: 5 },
    ],
    [
      { type: 'on_eror', codes: [500] },
      { type: 'on_eror', codes: [500] },
    ],
    [{ type: 'on_error' }, { type: 'on_error' }],
  ])('%j is sent as %j', (trigger, sent) => {
    expect(request({ url, fallbackJob: { url, trigger } })).toMatchObject({
      fallback_job: { trigger: sent },
    });
  });

  it.each([[{ code: [500] }], [500], [null]])('%j is refused, not taken for none', (trigger) => {
    expect(pathsOf({ url, fallbackJob: { url, trigger } })).toEqual(['fallbackJob.trigger']);
  });
});

describe('a job that cannot be sent as it was meant', () => {
  it.each<[string, readonly string[], object]>([
    ['a BigInt', ['metadata'], { metadata: { a: 1n } }],
    [
      'nulls',
      ['method', 'webhooks', 'onSuccess'],
      { method: null, webhooks: null, onSuccess: null },
    ],
    ['deep metadata', ['metadata'], { metadata: nested(10_000, 'inner') }],
    ['endless jobs', [''], nested(10_000, 'on_success')],
    ['a job that is none', ['on_failure'], { on_failure: 7 }],
    ['a form as body', ['body'], { body: new URLSearchParams('pay=1') }],
    ['bytes as body', ['body'], { body: new Uint8Array() }],
    ['headers that are no members', ['headers'], { headers: new Headers({ a: 'b' }) }],
    ['a header that is not there', ['headers["X-A"]'], { headers: { 'X-A': undefined } }],
    ['sets and maps', ['tags', 'metadata'], { tags: new Set(['a']), metadata: new Map() }],
    ['a number that is none', ['priority'], { priority: Number.NaN }],
  ])('%s', (_, paths, options) => {
    expect(pathsOf({ url, ...options })).toEqual(paths);
  });

  it('what only the server can judge is handed on as it is', () => {
    const odd = { webhooks: [7], retry_policy: 'often', method: 5, retry_at: new Date(0) };
    expect(request({ url, ...odd })).toMatchObject(odd);
  });
});
