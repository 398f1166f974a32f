import { describe, expect, it } from 'vitest';
import { EZThrottle, Step } from '@ezthrottle/core';
import { SubmitClient } from '@ezthrottle/core/submit';

/** Whatever is refused here is refused before anything is sent. */
const client = new EZThrottle({
  apiKey: 'k',
  fetch: () => Promise.reject(new Error('something was sent')),
  retry: false,
});

/** As code without types calls it. */
function call(path: string, ...args: readonly unknown[]): Promise<unknown> {
  const names = path.split('.');
  const name = names.pop() ?? '';
  const owner: object = names.reduce((from, next) => Reflect.get(from, next), client);
  return Promise.resolve(Reflect.apply(Reflect.get(owner, name), owner, args));
}

describe('options of a client', () => {
  it.each([
    [null, /options is null \(expected: an object/],
    ['the-key', /options is a string \(expected: an object/],
    [['the-key'], /options is a list/],
    [{ webhookSecret: 123 }, /webhookSecret is 123 \(expected: a string/],
    [{ webhookSecret: ['a', null] }, /webhookSecret is a list \(expected: a string/],
    [{ continuationKey: {} }, /continuationKey is an object \(expected: 32 bytes/],
    [{ runtime: 5 }, /runtime is 5 \(expected: an object/],
    [{ dispatcher: 'a' }, /dispatcher is a string/],
    [{ baseURL: 'https://prod.example' }, /baseURL is no option \(expected: baseUrl\)/],
    [{ base_url: 'https://prod.example' }, /base_url is no option \(expected: baseUrl\)/],
    [{ timout: 5 }, /timout is no option \(expected: one of .*timeout/],
    [{ apikey: 'k' }, /apikey is no option \(expected: apiKey\)/],
    [{ retry: { retries: 3 } }, /retry\.retries is no option \(expected: maxRetries\)/],
    [{ circuitBreaker: { opensAfter: 3 } }, /opensAfter is no option \(expected: .*openMs/],
    [{ banana: 1 }, /banana is no option \(expected: one of apiKey, baseUrl, .*webhookSecret\)/],
  ])('%j is refused, with what would be right', (options, message) => {
    const given: unknown =
      typeof options === 'object' && options !== null && !Array.isArray(options)
        ? { apiKey: 'k', ...options }
        : options;
    const make = (): unknown => Reflect.construct(EZThrottle, [given]);
    expect(make).toThrow(message);
    expect(make).toThrow(expect.objectContaining({ name: 'ConfigurationError' }));
    expect(make).not.toThrow(/prod|the-key/);
  });

  it('that are unknown but undefined harm nobody', () => {
    const make = (): unknown => Reflect.construct(EZThrottle, [{ apiKey: 'k', other: undefined }]);
    expect(make).not.toThrow();
  });

  it('are looked at by the client that only submits, too', () => {
    const make = (): unknown => Reflect.construct(SubmitClient, [{ apiKey: 'k', baseURL: 'x' }]);
    expect(make).toThrow(/baseURL is no option \(expected: baseUrl\)/);
    expect(() => Reflect.construct(SubmitClient, [null])).toThrow(/options is null/);
  });
});

describe('what a method cannot take', () => {
  it.each<[string, readonly unknown[], RegExp]>([
    ['submitJob', [null], /job is no object \(expected: a job/],
    ['submitJob', ['https://api.example'], /job is no object/],
    ['queueRequest', [null], /job is no object/],
    ['queueAndWait', [undefined], /job is no object/],
    ['submitJobs', [null], /jobs is no list/],
    ['webhookSecrets.create', [undefined], /primarySecret must be a string of at least 16/],
    ['createWebhookSecret', ['sixteen characters', null], /secondarySecret must be a string/],
    ['rotateWebhookSecret', [7], /newSecret must be a string/],
    ['jobs.get', [undefined], /jobId is null \(expected: a string/],
    ['jobs.cancel', [7], /jobId is 7 \(expected: a string/],
    ['wait', [undefined], /jobId is null \(expected: a string/],
    ['limits.get', [undefined], /key is null \(expected: a string/],
    ['execute', ['x'], /step is not a step \(expected: a Step/],
    ['execute', [null], /step is not a step/],
    ['execute', [new Step(), { signal: 1 }], /signal is 1 \(expected: an AbortSignal/],
    ['execute', [new Step(), { timeout: 0 }], /timeout is 0 \(expected: a number, 1 or more/],
    ['jobs.get', ['x', null], /options is null \(expected: an object/],
    ['request', [null], /options is null/],
    ['request', [{ url: '/relative' }], /url is not an http\(s\) address/],
    ['wait', ['x', { pollInterval: '1s' }], /pollInterval is a string/],
  ])('%s(%j) is refused with a ValidationError', async (name, args, message) => {
    const refused = (async () => call(name, ...args))();
    await expect(refused).rejects.toThrow(message);
    await expect(refused).rejects.toMatchObject({ code: 'validation_failed' });
  });

  it.each([
    ['jobs.get', ['x']],
    ['jobs.cancel', ['x']],
    ['wait', ['x']],
    ['submitJob', [{ url: 'https://api.example' }]],
    ['submitJobs', [[{ url: 'https://api.example' }]]],
    ['getWebhookSecret', []],
  ])('%s refuses a timeout that is none', async (name, args) => {
    for (const timeout of [Number.NaN, -1, 0, '5s']) {
      const refused = call(name, ...args, { timeout });
      await expect(refused).rejects.toMatchObject({
        name: 'ValidationError',
        problems: [{ path: 'timeout', expected: 'a number, 1 or more' }],
      });
    }
  });

  it('is told all at once', async () => {
    const refused = call('jobs.get', 'x', { timeout: -1, signal: {} });
    await expect(refused).rejects.toMatchObject({
      problems: [{ path: 'signal' }, { path: 'timeout' }],
    });
  });
});
