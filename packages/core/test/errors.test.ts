import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as core from '@ezthrottle/core';
import { EZThrottle, EZThrottleError, isRetryable, TimeoutError } from '@ezthrottle/core';
import { listen, type Loopback, type Reply } from './loopback.ts';

const KEY = 'ck_live_0123456789abcdef';

let server: Loopback;

beforeEach(async () => {
  server = await listen(() => ({ status: 200 }));
});

afterEach(() => server[Symbol.asyncDispose]());

function clientWith(options: core.EZThrottleOptions = {}): EZThrottle {
  return new EZThrottle({ apiKey: KEY, baseUrl: server.url, retry: false, ...options });
}

function errorOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => new Error('it succeeded'),
    (error: unknown) => error,
  );
}

const problem = { path: 'url', message: 'is missing', expected: 'an absolute URL' };

describe('an answer of the server', () => {
  it.each([
    [400, core.isValidationError, { code: 'validation_failed', problems: [problem] }],
    [401, core.isAuthenticationError, { code: 'unauthorized' }],
    [403, core.isPermissionError, { code: 'forbidden' }],
    [404, core.isNotFoundError, { code: 'not_found' }],
    [409, core.isConflictError, { code: 'conflict' }],
    [413, core.isPayloadTooLargeError, { code: 'payload_too_large' }],
    [415, core.isUnsupportedMediaTypeError, { code: 'unsupported_media_type' }],
    [422, core.isValidationError, { code: 'validation_failed', problems: [problem] }],
    [429, core.isRateLimitError, { code: 'rate_limited', retryable: true, retryAt: 77_000 }],
    [503, core.isServerError, { code: 'internal_error', retryable: true, retryAt: 77_000 }],
    [418, core.isEZThrottleError, { code: 'unexpected_answer' }],
  ] as const)('%i is an error of its own class', async (status, isKind, members) => {
    const body = { message: 'no', problems: [problem], retry_at: 77_000, request_id: 'r1' };
    server.answer = () => ({ status, body });
    const error = await errorOf(clientWith().jobs.get('x'));
    expect(isKind(error)).toBe(true);
    expect(error).toMatchObject({ status, requestId: 'r1', retryable: false, ...members });
    expect(isRetryable(error)).toBe('retryable' in members);
    expect(isKind(new Error('other'))).toBe(false);
  });

  it('has the code that the server names, and not a sentence in its place', async () => {
    server.answer = () => ({ status: 503, body: { error: 'unavailable' } });
    expect(await errorOf(clientWith().jobs.get('x'))).toMatchObject({ code: 'unavailable' });
    server.answer = () => ({ status: 503, body: { error: 'Please come back' } });
    expect(await errorOf(clientWith().jobs.get('x'))).toMatchObject({
      code: 'internal_error',
      message: 'Please come back (HTTP 503)',
    });
  });
});

describe('guards', () => {
  it('know what was thrown without a server, too', async () => {
    const down = clientWith({ baseUrl: 'http://127.0.0.1:1', circuitBreaker: { failures: 1 } });
    expect(core.isNetworkError(await errorOf(down.jobs.get('x')))).toBe(true);
    expect(core.isCircuitOpenError(await errorOf(down.jobs.get('x')))).toBe(true);
    server.answer = () => ({ status: 200, hang: true });
    expect(core.isTimeoutError(await errorOf(clientWith({ timeout: 9 }).jobs.get('x')))).toBe(true);
    const open = clientWith({ continuationKey: 'A'.repeat(43) });
    expect(core.isContinuationError(await errorOf(open.jobs.get('')))).toBe(false);
    const keyless = errorOf(Promise.resolve().then(() => new EZThrottle({ apiKey: '' })));
    expect(core.isConfigurationError(await keyless)).toBe(true);
  });
});

describe('EZThrottleError.from', () => {
  it('leaves our own errors as they are', () => {
    const error = new TimeoutError('late');
    expect(EZThrottleError.from(error)).toBe(error);
  });

  it('names what was aborted or took too long, and keeps the original', async () => {
    const aborted = await errorOf(clientWith().jobs.get('x', { signal: AbortSignal.abort() }));
    expect(EZThrottleError.from(aborted)).toMatchObject({ code: 'aborted', cause: aborted });
    const late = new DOMException('too late', 'TimeoutError');
    expect(EZThrottleError.from(late)).toBeInstanceOf(TimeoutError);
    const other = new RangeError('no such thing');
    expect(EZThrottleError.from(other)).toMatchObject({
      code: 'error',
      message: 'no such thing',
      retryable: false,
      cause: other,
    });
    expect(EZThrottleError.from('text')).toMatchObject({ code: 'error', cause: 'text' });
  });
});

describe('no error tells the API key', () => {
  const echo = `Authorization: Bearer ${KEY} is not accepted`;
  const replies: readonly (readonly [string, Reply])[] = [
    ['a refusal that repeats it', { status: 401, body: { error: 'unauthorized', message: echo } }],
    ['a text that repeats it', { status: 500, body: echo }],
    ['a problem that repeats it', { status: 400, body: { problems: [{ message: echo }] } }],
    ['a success that is no JSON', { status: 200, body: echo }],
    ['a broken connection', { status: 200, cut: true }],
    ['no answer in time', { status: 200, hang: true }],
    ['a redirect', { status: 302, headers: { location: 'http://elsewhere.example/' } }],
  ];

  it.each(replies)('%s', async (_, reply) => {
    server.answer = () => reply;
    for (const options of [{}, { tracktagsUrl: server.url }]) {
      const client = clientWith({ timeout: 30, ...options });
      for (const call of [
        () => client.submitJob({ url: 'https://api.example/' }),
        () => client.submitJobs([{ url: 'https://api.example/' }]),
        () => client.jobs.get('x'),
      ]) {
        const error = await errorOf(call());
        expect(error).toBeInstanceOf(EZThrottleError);
        expectNothingOfTheKey(error);
      }
      expectNothingOfTheKey(client);
    }
  });

  it('an inner answer of the proxy that repeats it', async () => {
    const inner = { status_code: 401, body: JSON.stringify({ message: echo }) };
    for (const body of [
      { status: 'allowed', forwarded_response: inner },
      { status: 'denied', error: echo },
    ]) {
      server.answer = () => ({ status: 200, body });
      expectNothingOfTheKey(await errorOf(clientWith({ tracktagsUrl: server.url }).jobs.get('x')));
    }
  });

  it('a key that cannot be sent', async () => {
    const made = Promise.resolve().then(() => new EZThrottle({ apiKey: `${KEY}\n` }));
    expectNothingOfTheKey(await errorOf(made));
  });
});

/** In the error, its causes, its hidden members, its stack, its JSON. */
function expectNothingOfTheKey(value: unknown): void {
  const shown = inspect(value, { depth: 12, showHidden: true, maxStringLength: null });
  expect(shown).not.toContain(KEY);
  expect(JSON.stringify(value)).not.toContain(KEY);
  for (let error = value; error instanceof Error; error = error.cause) {
    expect(`${error.message}\n${error.stack}\n${String(error)}`).not.toContain(KEY);
  }
}
