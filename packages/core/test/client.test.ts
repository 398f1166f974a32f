import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import EZThrottleByDefault, {
  AuthenticationError,
  EZThrottle,
  executeWithForwarding,
  NetworkError,
  RateLimitError,
  StepType,
  TimeoutError,
  ValidationError,
  withAutoForward,
  type EZThrottleOptions,
} from '@ezthrottle/core';
import { jobServer, listen, submitted, type Loopback } from './loopback.ts';

const FAST = { baseDelayMs: 1 };

let server: Loopback;

beforeEach(async () => {
  server = await listen(jobServer());
});

afterEach(() => server[Symbol.asyncDispose]());

function clientWith(options: EZThrottleOptions = {}): EZThrottle {
  return new EZThrottle({ apiKey: 'the-key', baseUrl: server.url, retry: FAST, ...options });
}

describe('a client', () => {
  it('is not made without a key, and says how to give one', () => {
    expect(() => new EZThrottle({ apiKey: '' })).toThrow(/apiKey is required.*EZTHROTTLE_API_KEY/);
    expect(() => new EZThrottle({ apiKey: 'a\r\nb' })).toThrow(/characters/);
    expect(() => new EZThrottle({ apiKey: 'a', baseUrl: 'nowhere' })).toThrow(/baseUrl/);
    expect(EZThrottleByDefault).toBe(EZThrottle);
  });

  it('is not made with options that cannot work, and names all of them at once', () => {
    const options: Record<string, unknown> = {
      apiKey: 5,
      timeout: Number.NaN,
      retry: { maxRetries: Number.NaN, baseDelayMs: '1' },
      circuitBreaker: { failures: 0 },
      continueAt: 'nah',
      onChildError: 'log',
      maxResponseBytes: -1,
      networkErrorTriggersFallback: 'no',
    };
    const names = [
      'apiKey',
      'timeout',
      'retry.maxRetries',
      'retry.baseDelayMs',
      'circuitBreaker.failures',
      'continueAt',
      'onChildError',
      'maxResponseBytes',
      'networkErrorTriggersFallback',
    ];
    const make = (): unknown => Reflect.construct(EZThrottle, [options]);
    expect(make).toThrow(expect.objectContaining({ code: 'configuration' }));
    for (const name of names) expect(make).toThrow(new RegExp(`${name} is`));
  });

  it.each([
    [{ timeout: -1 }, 'configuration'],
    [{ timeout: 0 }, 'configuration'],
    [{ retry: 3 }, 'configuration'],
    [{ retry: null }, 'configuration'],
    [{ continueAt: 'nah' }, 'invalid_url'],
  ])('is not made with %o', (option, code) => {
    const make = (): unknown => Reflect.construct(EZThrottle, [{ apiKey: 'k', ...option }]);
    expect(make).toThrow(expect.objectContaining({ name: 'ConfigurationError', code }));
  });

  it('shows its key neither in errors nor when printed', async () => {
    server.answer = () => ({
      status: 401,
      body: { error: 'unauthorized', message: 'no such key' },
    });
    const client = clientWith();
    const error: unknown = await client.jobs.get('x').catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(inspect([client, error], { depth: 9, showHidden: true })).not.toContain('the-key');
    expect(JSON.stringify([client, error])).not.toContain('the-key');
  });

  it('rows 1, 2, 33, 34: submits snake_case at every depth and leaves the user’s keys alone', async () => {
    const metadata = { webhookQuorum: { onSuccess: 1 } };
    const reply = await clientWith().submitJob({
      url: 'https://api.example/',
      method: 'post',
      webhooks: [],
      regions: [],
      webhookQuorum: 1,
      metadata,
      headers: { idempotentKey: 'h' },
      retryPolicy: { maxRetries: 1, retryCodes: [429] },
      fallbackJob: {
        url: 'https://api.example/1',
        webhooks: [{ url: 'https://app.example/', hasQuorumVote: false }],
        trigger: { type: 'on_timeout', timeoutMs: 500 },
        fallbackJob: { url: 'https://api.example/2', trigger: { type: 'on_error', codes: [500] } },
      },
      onSuccess: { url: 'https://api.example/3', idempotentKey: 'camel', idempotent_key: 'snake' },
      onFailureTimeoutMs: 5,
    });
    expect(reply).toMatchObject({ job_id: 'job-1', status: 'queued' });
    expect(submitted(server)).toEqual([
      {
        url: 'https://api.example/',
        method: 'POST',
        metadata,
        headers: { idempotentKey: 'h' },
        retry_policy: { max_retries: 1, retry_codes: [429] },
        fallback_job: {
          url: 'https://api.example/1',
          method: 'GET',
          webhooks: [{ url: 'https://app.example/', has_quorum_vote: false }],
          trigger: { type: 'on_timeout', timeout_ms: 500 },
          fallback_job: {
            url: 'https://api.example/2',
            method: 'GET',
            trigger: { type: 'on_error', codes: [500] },
          },
        },
        on_success: { url: 'https://api.example/3', method: 'GET', idempotent_key: 'snake' },
        on_failure_timeout_ms: 5,
      },
    ]);
    expect(server.seen[0]?.headers.authorization).toBe('Bearer the-key');
  });

  it('tries again what may pass, and gives up with a typed error', async () => {
    const answers = [{ status: 503 }, { status: 0, cut: true as const }];
    const jobs = jobServer();
    server.answer = (request) => answers.shift() ?? jobs(request);
    expect(await clientWith().submitJob({ url: 'https://api.example/' })).toMatchObject({
      job_id: 'job-1',
    });
    expect(server.seen).toHaveLength(3);
    server.answer = () => ({ status: 0, cut: true });
    await expect(clientWith().submitJob({ url: 'https://api.example/' })).rejects.toThrow(
      NetworkError,
    );
    expect(server.seen).toHaveLength(6);
  });

  it('row 24: reads retry_at, Retry-After and retry_after, and does not wait for long ones', async () => {
    const cases = [
      { body: { error: 'rate_limited', retry_at: 4_000_000_000_000 }, headers: {} },
      { body: {}, headers: { 'retry-after': '3600' } },
      { body: {}, headers: { 'retry-after': new Date(Date.now() + 3_600_000).toUTCString() } },
      { body: { retry_after: 3600 }, headers: {} },
    ];
    for (const reply of cases) {
      server.answer = () => ({ status: 429, ...reply });
      const error: unknown = await clientWith()
        .jobs.get('x')
        .catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(RateLimitError);
      const at = error instanceof RateLimitError ? error.retryAt : null;
      expect(at === 4_000_000_000_000 || Math.abs((at ?? 0) - Date.now() - 3_600_000) < 5_000).toBe(
        true,
      );
    }
    expect(server.seen).toHaveLength(cases.length);
  });

  it('tells every problem that the server found', async () => {
    const problems = [{ path: 'url', message: 'is required', expected: 'an address' }];
    server.answer = () => ({
      status: 400,
      body: { error: 'validation_failed', message: 'one', problems, request_id: 'r1' },
    });
    const refused = clientWith().submitJob({ url: 'https://api.example/' });
    await expect(refused).rejects.toThrow(ValidationError);
    await expect(refused).rejects.toMatchObject({ problems, requestId: 'r1', status: 400 });
  });

  it('row 27: gives up in time, and at once when asked to', async () => {
    server.answer = () => ({ status: 200, hang: true });
    const client = clientWith({ timeout: 30, retry: false });
    await expect(client.jobs.get('x')).rejects.toThrow(TimeoutError);
    const { signal } = new AbortController();
    await expect(client.jobs.get('x', { signal: AbortSignal.abort() })).rejects.toThrow(/aborted/);
    expect(signal.aborted).toBe(false);
  });

  it('follows no redirect: the key stays where it was sent', async () => {
    server.answer = () => ({ status: 302, headers: { location: `${server.url}/elsewhere` } });
    await expect(clientWith({ retry: false }).jobs.get('x')).rejects.toMatchObject({ status: 302 });
    expect(server.seen).toHaveLength(1);
  });

  it('lists jobs over pages, each fetched when it is needed', async () => {
    server.answer = ({ path }) => ({
      status: 200,
      body: path.includes('cursor=2')
        ? { jobs: [{ job_id: 'c' }], next_cursor: null }
        : { jobs: [{ job_id: 'a' }, { job_id: 'b' }], next_cursor: '2' },
    });
    const seen: string[] = [];
    for await (const job of clientWith().jobs.list({ status: ['failed'], limit: 2 }))
      seen.push(job.job_id);
    expect(seen).toEqual(['a', 'b', 'c']);
    expect(server.seen.map(({ path }) => path)).toEqual([
      '/api/v1/jobs?status=failed&limit=2',
      '/api/v1/jobs?status=failed&limit=2&cursor=2',
    ]);
  });

  it.each([
    ['the same page over and over', (_: string) => 'a'],
    ['pages in a circle', (cursor: string) => ({ a: 'b', b: 'c', c: 'a' })[cursor] ?? 'a'],
  ])('ends the list of a server that gives %s', async (_, next) => {
    server.answer = ({ path }) => {
      const cursor = new URL(path, server.url).searchParams.get('cursor') ?? '';
      const items = [{ job_id: cursor, key: cursor, version: '1' }];
      return { status: 200, body: { jobs: items, limits: items, next_cursor: next(cursor) } };
    };
    const { jobs, limits } = clientWith();
    for (const listing of [jobs.list(), jobs.list({ cursor: 'a' }), limits.list()]) {
      const reading = (async (): Promise<void> => {
        for await (const item of listing) expect(item).toBeDefined();
      })();
      await expect(reading).rejects.toMatchObject({ code: 'unexpected_answer' });
    }
    expect(server.seen.length).toBeLessThan(30);
  });

  it('tells no key that a server repeats in whatever spelling', async () => {
    const apiKey = String.raw`a"key\with/signs`;
    const json = JSON.stringify(apiKey);
    const escaped = apiKey
      .split('')
      .map((sign) => String.raw`\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join('');
    const bodies = [
      `{"error":"unauthorized","message":${json}}`,
      `{"error":"unauthorized","message":"${escaped}"}`,
      `{"detail":"${escaped}"}`,
      `{"detail":{${json}:${json}}}`,
      `{"problems":[{"path":"a","message":${json},"expected":"${escaped}"}]}`,
      `no JSON: ${apiKey} or ${json}`,
    ];
    for (const body of bodies) {
      for (const status of [400, 401]) {
        server.answer = () => ({ status, body });
        const error: unknown = await clientWith({ apiKey })
          .jobs.get('x')
          .catch((reason: unknown) => reason);
        const { message, problems = [] } = Object(error);
        const told = [message, ...problems.flatMap(Object.values)].join(' ');
        expect(told).toContain('***');
        expect(told).not.toContain(apiKey);
        expect(told).not.toContain(json.slice(1, -1));
        expect(told).not.toContain(escaped);
      }
    }
  });

  it('cancels by id, and never with an empty one', async () => {
    server.answer = () => ({ status: 200, body: { job_id: 'a/b', status: 'cancelled' } });
    expect(await clientWith().jobs.cancel('a/b')).toEqual({ job_id: 'a/b', status: 'cancelled' });
    expect(server.seen[0]).toMatchObject({ method: 'DELETE', path: '/api/v1/jobs/a%2Fb' });
    await expect(clientWith().jobs.cancel('')).rejects.toThrow(/empty/);
  });

  it('row 26: queueAndWait comes back when the job has ended', async () => {
    const jobs = jobServer();
    const states = ['pending', 'processing', 'completed'];
    server.answer = (request) =>
      request.method === 'POST'
        ? jobs(request)
        : { status: 200, body: { job_id: 'job-1', status: 'x', state: states.shift() } };
    const options = {
      url: 'https://api.example/',
      webhookUrl: 'https://app.example/',
      pollInterval: 1,
    };
    expect(await clientWith().queueAndWait(options)).toMatchObject({ state: 'completed' });
    expect(submitted(server)[0]).toMatchObject({
      webhooks: [{ url: 'https://app.example/', has_quorum_vote: true }],
    });
    server.answer = () => ({ status: 200, body: { job_id: 'job-1', status: 'queued' } });
    await expect(clientWith().wait('job-1', { timeout: 5, pollInterval: 1 })).rejects.toThrow(
      TimeoutError,
    );
  });

  it('forwardOrFallback falls back when the server is out of reach, not when it refuses', async () => {
    const job = { url: 'https://api.example/' };
    const fallback = async (): Promise<string> => 'done directly';
    server.answer = () => ({ status: 429, body: { retry_after: 3600 } });
    await expect(clientWith().forwardOrFallback(fallback, job)).rejects.toThrow(RateLimitError);
    server.answer = () => ({ status: 503 });
    const client = clientWith({ retry: false });
    await expect(client.forwardOrFallback(fallback, job)).rejects.toMatchObject({ status: 503 });
    expect(await client.forwardOrFallback(fallback, job, { onStatus: [503] })).toBe(
      'done directly',
    );
    server.answer = () => ({ status: 0, cut: true });
    expect(await client.forwardOrFallback(fallback, job)).toBe('done directly');
  });
});

describe('webhook secrets', () => {
  it('row 25: an inner error is an error, and rotation keeps the old secret on the server', async () => {
    const secret = 'sixteen characters';
    server.answer = () => ({ status: 200, body: { status: 'ok', message: 'rotated' } });
    await clientWith().rotateWebhookSecret(secret);
    expect(server.seen[0]).toMatchObject({
      path: '/api/v1/webhook-secrets/rotate',
      text: JSON.stringify({ new_secret: secret }),
    });
    server.answer = ({ path }) =>
      path.endsWith('/rotate') ? { status: 404 } : { status: 200, body: { status: 'ok' } };
    expect(await clientWith().rotateWebhookSecret(secret)).toEqual({ status: 'ok' });
    await expect(clientWith().createWebhookSecret('short')).rejects.toThrow(/at least 16/);
    server.answer = () => ({ status: 400, body: { error: 'validation_failed', message: 'no' } });
    await expect(clientWith().createWebhookSecret(secret)).rejects.toThrow(ValidationError);
    await expect(clientWith().deleteWebhookSecret()).rejects.toThrow(ValidationError);
  });

  it('a rotation that may have happened is not done again', async () => {
    server.answer = () => ({ status: 0, cut: true });
    await expect(clientWith().rotateWebhookSecret('sixteen characters')).rejects.toThrow(
      NetworkError,
    );
    expect(server.seen).toHaveLength(1);
  });
});

describe('through the proxy', () => {
  const proxied = (): EZThrottle =>
    clientWith({ tracktagsUrl: server.url, baseUrl: 'https://ezthrottle.example', retry: false });

  it('wraps every call in the envelope and unwraps the answer', async () => {
    const body = JSON.stringify({ job_id: 'j', status: 'queued', idempotent_key: 'k' });
    server.answer = () => ({
      status: 200,
      body: { status: 'allowed', forwarded_response: { status_code: 201, headers: {}, body } },
    });
    expect(await proxied().submitJob({ url: 'https://api.example/' })).toMatchObject({
      job_id: 'j',
    });
    expect(server.seen[0]?.path).toBe('/api/v1/proxy');
    expect(JSON.parse(server.seen[0]?.text ?? '')).toEqual({
      scope: 'customer',
      metric_name: '',
      target_url: 'https://ezthrottle.example/api/v1/jobs',
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: '{"url":"https://api.example/","method":"GET"}',
    });
  });

  it('turns denials and inner errors into errors', async () => {
    server.answer = () => ({ status: 200, body: { status: 'denied', error: 'over the limit' } });
    await expect(proxied().getWebhookSecret()).rejects.toThrow(/over the limit/);
    server.answer = () => ({
      status: 200,
      body: {
        status: 'allowed',
        forwarded_response: { status_code: 404, body: '{"error":"not_found"}' },
      },
    });
    await expect(proxied().getWebhookSecret()).rejects.toMatchObject({ status: 404 });
    server.answer = () => ({
      status: 429,
      body: { status: 'denied', error: 'plan', retry_after: 3600 },
    });
    await expect(proxied().getWebhookSecret()).rejects.toThrow(RateLimitError);
  });
});

describe('forwarding wrappers', () => {
  it('row 28: submit at once, without calling the target again', async () => {
    const forward = { url: `${server.url}/target`, method: 'POST', idempotentKey: 'order-1' };
    const pay = withAutoForward(clientWith(), async (paid: boolean) =>
      paid ? 'paid' : { forward },
    );
    expect(await pay(true)).toBe('paid');
    expect(await pay(false)).toMatchObject({ job_id: 'job-1' });
    expect(server.seen.map(({ path }) => path)).toEqual(['/api/v1/jobs']);
  });

  it('row 28: try here first when asked to', async () => {
    server.answer = () => ({ status: 200 });
    const forward = { url: `${server.url}/target`, stepType: StepType.FRUGAL };
    const result = await executeWithForwarding(clientWith(), async () => ({ forward }));
    expect(result).toMatchObject({ kind: 'local', status: 'success' });
  });

  it('an answer that happens to have a member of that name is not taken for one', async () => {
    const answer = { forward: 'march', other: 1 };
    expect(await executeWithForwarding(clientWith(), async () => answer)).toBe(answer);
  });
});
