import { describe, expect, it } from 'vitest';
import { toJobSpec } from './to-job-spec.ts';

const url = 'https://api.example.com/call?x=1';

describe('a job as the engine knows it', () => {
  it('has every default', () => {
    expect(toJobSpec({ url })).toEqual({
      planVersion: 1,
      paths: [
        {
          url,
          origin: 'https://api.example.com',
          method: 'GET',
          headers: {},
          body: null,
          timeoutMs: 30_000,
          regions: [],
          regionPolicy: 'fallback',
          executionMode: 'race',
          retry: {
            maxRetries: 3,
            maxReroutes: 2,
            retryCodes: [429, 503],
            rerouteCodes: [500, 502, 504],
          },
          trigger: null,
          onSuccess: null,
          onFailure: null,
        },
      ],
      metadata: {},
      tags: [],
      webhooks: [],
      webhookQuorum: 1,
      onFailureTimeoutMs: null,
      notBefore: null,
      idempotentKey: null,
      strictIdempotency: false,
      sendIdempotencyKey: false,
      userId: '',
      priority: 0,
      repeat: 'allowed',
    });
  });

  it.each([
    ['https://api.example.com:443/a', 'https://api.example.com'],
    ['http://api.example.com:80', 'http://api.example.com'],
    ['http://API.example.com:8080/a', 'http://api.example.com:8080'],
    ['http://[::1]:9000/', 'http://[::1]:9000'],
  ])('is paced by the origin of %s', (address, origin) => {
    expect(toJobSpec({ url: address }).paths[0].origin).toBe(origin);
  });

  it('keeps header names as given, but for those of a connection', () => {
    const headers = { 'X-Mixed-Case': 'a', accept: 'b', Host: 'c', 'Transfer-Encoding': 'chunked' };
    const [{ headers: own }] = toJobSpec({ url, headers }).paths;
    expect(own).toEqual({ 'X-Mixed-Case': 'a', accept: 'b' });
  });

  it('calls its method in capitals and has no body where the text is empty', () => {
    const [path] = toJobSpec({ url, method: 'patch', body: '' }).paths;
    expect(path).toMatchObject({ method: 'PATCH', body: null });
  });

  it('names each region and code once', () => {
    const retry = { retry_codes: [429, 429] };
    const [path] = toJobSpec({ url, regions: ['iad', 'lax', 'iad'], retry_policy: retry }).paths;
    expect(path.regions).toEqual(['iad', 'lax']);
    expect(path.retry.retryCodes).toEqual([429]);
  });

  it('has its chain of fallbacks in order, each with its trigger and its own children', () => {
    const spec = toJobSpec({
      url,
      fallback_job: {
        url: 'https://one.example',
        trigger: { type: 'on_error', codes: [500] },
        on_success: { url: 'https://child.example' },
        fallback_job: {
          url: 'https://two.example',
          trigger: { type: 'on_timeout', timeout_ms: 50 },
          fallback_job: { url: 'https://three.example', trigger: {} },
        },
      },
    });
    expect(spec.paths.map(({ origin, trigger }) => [origin, trigger])).toEqual([
      ['https://api.example.com', null],
      ['https://one.example', { kind: 'on_error', codes: [500] }],
      ['https://two.example', { kind: 'on_timeout', timeoutMs: 50 }],
      ['https://three.example', { kind: 'any_failure' }],
    ]);
    expect(spec.paths[1]?.onSuccess?.paths[0].url).toBe('https://child.example');
  });

  it('shares its account with the children that name none', () => {
    const spec = toJobSpec({
      url,
      user_id: 'ada',
      on_success: { url, on_success: { url } },
      on_failure: { url, user_id: 'grace' },
    });
    expect(spec.paths[0].onSuccess?.userId).toBe('ada');
    expect(spec.paths[0].onSuccess?.paths[0].onSuccess?.userId).toBe('ada');
    expect(spec.paths[0].onFailure?.userId).toBe('grace');
  });

  it.each([
    ['the first webhook', [{}, {}], [true, false]],
    ['the one that asks for it', [{}, { continuation: true }], [false, true]],
    ['none when the first one refuses', [{ continuation: false }, {}], [false, false]],
  ])('sends its continuation to %s', (_, webhooks, receives) => {
    const spec = toJobSpec({ url, webhooks: webhooks.map((webhook) => ({ url, ...webhook })) });
    expect(spec.webhooks.map(({ receivesContinuation }) => receivesContinuation)).toEqual(receives);
  });
});
