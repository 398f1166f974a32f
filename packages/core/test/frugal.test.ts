import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  EZThrottle,
  ForwardFailedError,
  IdempotentStrategy,
  Step,
  StepType,
  type EZThrottleOptions,
} from '@ezthrottle/core';
import { jobServer, listen, submitted, type Loopback } from './loopback.ts';

let server: Loopback;
let target: Loopback;

beforeEach(async () => {
  server = await listen(jobServer());
  // Answers with the status that its path ends in, and waits when told to.
  target = await listen(async ({ path }) => {
    const [, wait, status] = /^\/(?:wait-(\d+)-)?\w*?(\d{3}|hang|cut)/.exec(path) ?? [];
    if (wait !== undefined) await new Promise((resolve) => setTimeout(resolve, Number(wait)));
    if (status === 'hang') return { status: 200, hang: true };
    if (status === 'cut') return { status: 200, cut: true };
    return { status: Number(status), body: { path } };
  });
});

afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await target[Symbol.asyncDispose]();
});

function clientWith(options: EZThrottleOptions = {}): EZThrottle {
  return new EZThrottle({ apiKey: 'key', baseUrl: server.url, retry: false, ...options });
}

function frugal(path: string, client = clientWith()): Step {
  return new Step(client).url(`${target.url}/${path}`).type(StepType.FRUGAL);
}

const paths = (): readonly string[] => target.seen.map(({ path }) => path);

describe('a FRUGAL step', () => {
  it('row 19: runs here and gives a local result with the fields of the SDK', async () => {
    const result = await frugal('200').execute();
    expect(result).toMatchObject({
      kind: 'local',
      executed_locally: true,
      status: 'success',
      status_code: 200,
      response: '{"path":"/200"}',
      job_id: null,
      path: 0,
    });
    expect(JSON.parse(JSON.stringify(result))).not.toHaveProperty('children');
    expect(server.seen).toEqual([]);
  });

  it('does not follow a redirect: neither headers nor body go where the step does not point', async () => {
    const { answer } = target;
    target.answer = (request) =>
      request.path === '/moved'
        ? { status: 302, headers: { location: '/200' }, body: { moved: true } }
        : answer(request);
    const step = frugal('moved').method('POST').header('X-Api-Key', 'k').body('order');
    expect(await step.execute()).toMatchObject({
      kind: 'local',
      status: 'failed',
      status_code: 302,
      response_headers: { location: '/200' },
      error: 'Request failed: 302',
    });
    expect(paths()).toEqual(['/moved']);
  });

  it('is handed on where the runtime hides what a redirect said', async () => {
    const hidden = Object.defineProperties(Response.error(), {
      type: { value: 'opaqueredirect' },
    });
    const client = clientWith({
      fetch: async (url, init) => (url.startsWith(server.url) ? fetch(url, init) : hidden),
    });
    expect(await frugal('moved', client).execute()).toMatchObject({
      kind: 'submitted',
      local: { error: expect.stringContaining('redirect, which is not followed') },
    });
  });

  it('gives a status that is not listed as a failed result', async () => {
    expect(await frugal('404').execute()).toMatchObject({
      kind: 'local',
      status: 'failed',
      status_code: 404,
      error: 'Request failed: 404',
    });
    expect(server.seen).toEqual([]);
  });

  it.each(['429', '500', '502', '503', '504', 'cut'])('is handed on once on %s', async (path) => {
    const result = await frugal(path).execute();
    expect(result).toMatchObject({
      kind: 'submitted',
      executed_locally: false,
      job_id: 'job-1',
      local: { status: 'failed' },
    });
    expect(submitted(server)).toEqual([{ url: `${target.url}/${path}`, method: 'GET' }]);
  });

  it('row 21: honours its timeout, then hands the step on', async () => {
    const result = await frugal('hang').timeout(30).execute();
    expect(result).toMatchObject({
      kind: 'submitted',
      local: { error: 'Request failed: timeout (no answer within 30 ms)' },
    });
    // The server is not held to the patience of a call made here.
    expect(submitted(server)[0]).not.toHaveProperty('timeout_ms');
  });

  it('ends with the caller’s reason when it is aborted, and hands nothing on', async () => {
    const controller = new AbortController();
    const reason = new Error('changed my mind');
    target.answer = () => {
      controller.abort(reason);
      return { status: 200, hang: true };
    };
    await expect(frugal('200').execute({ signal: controller.signal })).rejects.toBe(reason);
    expect(server.seen).toEqual([]);
  });

  it('row 31: its UNIQUE key is the same here and when handed on, and new at every execute', async () => {
    const step = frugal('500').idempotentStrategy(IdempotentStrategy.UNIQUE).sendIdempotencyKey();
    await step.execute();
    await step.execute();
    const sent = target.seen.map(({ headers }) => headers['idempotency-key']);
    expect(submitted(server).map(({ idempotent_key }) => idempotent_key)).toEqual(sent);
    expect(new Set(sent).size).toBe(2);
  });

  it('row 32: HASH sends no key, and a second failure is answered with the first job', async () => {
    const step = frugal('500');
    expect(await step.execute()).toMatchObject({ job_id: 'job-1', duplicate: false });
    expect(await step.execute()).toMatchObject({ job_id: 'job-1', duplicate: true });
  });

  it('cuts an answer that is too long and says so', async () => {
    target.answer = () => ({ status: 200, body: 'x'.repeat(5_000) });
    const result = await frugal('200', clientWith({ maxResponseBytes: 1_000 })).execute();
    expect(result).toMatchObject({ response: 'x'.repeat(1_000), truncated: true });
  });

  it('an error while handing on carries the local outcome', async () => {
    server.answer = () => ({
      status: 401,
      body: { error: 'unauthorized', message: 'no such key' },
    });
    const failed = frugal('500').execute();
    await expect(failed).rejects.toThrow(ForwardFailedError);
    await expect(failed).rejects.toMatchObject({
      code: 'forward_failed',
      status: 401,
      mayHaveBeenAccepted: false,
      outcome: { status_code: 500, attempts: [{ path: 0, status_code: 500 }] },
    });
  });

  it('says what is missing when a forward would lose a FRUGAL step that follows', async () => {
    await expect(frugal('500').onSuccess(frugal('200')).execute()).rejects.toMatchObject({
      code: 'forward_failed',
      cause: { code: 'configuration', message: expect.stringContaining('continueAt') },
    });
    expect(server.seen).toEqual([]);
  });
});

describe('its fallbacks', () => {
  it('rows 11 and 13: run here in order and never hand themselves on', async () => {
    const result = await frugal('500')
      .fallback(new Step().url(`${target.url}/a503`))
      .fallback(new Step().url(`${target.url}/b200`))
      .execute();
    expect(result).toMatchObject({ kind: 'local', status: 'success', path: 2 });
    expect(paths()).toEqual(['/500', '/a503', '/b200']);
    expect(server.seen).toEqual([]);
  });

  it('are left out of the job when they have failed here', async () => {
    await frugal('500')
      .fallback(frugal('a500'), { triggerOnError: [500] })
      .fallback(frugal('b200'), { triggerOnError: [404] })
      .fallback(new Step().url(`${target.url}/c200`).type(StepType.PERFORMANCE))
      .execute();
    expect(submitted(server)).toEqual([
      {
        url: `${target.url}/500`,
        method: 'GET',
        fallback_job: {
          url: `${target.url}/b200`,
          method: 'GET',
          trigger: { type: 'on_error', codes: [404] },
          fallback_job: { url: `${target.url}/c200`, method: 'GET' },
        },
      },
    ]);
  });

  it('row 16: a network failure starts a fallback that lists statuses, unless told otherwise', async () => {
    const step = frugal('cut').fallback(frugal('a200'), { triggerOnError: [500] });
    expect(await step.execute()).toMatchObject({ kind: 'local', path: 1 });
    const strict = clientWith({ networkErrorTriggersFallback: false });
    expect(await step.execute(strict)).toMatchObject({ kind: 'submitted' });
  });

  it('row 17: on_timeout waits for its time and then races; the loser is aborted', async () => {
    const started = performance.now();
    const result = await frugal('hang')
      .fallback(frugal('a200'), { triggerOnTimeout: 60 })
      .execute();
    expect(performance.now() - started).toBeGreaterThanOrEqual(55);
    expect(result).toMatchObject({ kind: 'local', status: 'success', path: 1 });
  });

  it('on_timeout has a clock only right behind the call that started last, as on the server', async () => {
    const result = await frugal('wait-120-200')
      .fallback(frugal('a200'), { triggerOnError: [500] })
      .fallback(frugal('b200'), { triggerOnTimeout: 20 })
      .execute();
    expect(result).toMatchObject({ kind: 'local', status: 'success', path: 0 });
    expect(paths()).toEqual(['/wait-120-200']);
  });

  it('one that needs the server is reached when its trigger matches, whatever the status', async () => {
    const onServer = new Step().url(`${target.url}/a200`).type(StepType.PERFORMANCE);
    const step = frugal('404').fallback(onServer, { triggerOnError: [404] });
    expect(await step.execute()).toMatchObject({ kind: 'submitted', local: { status_code: 404 } });
    expect(submitted(server)).toMatchObject([
      { fallback_job: { trigger: { type: 'on_error', codes: [404] } } },
    ]);
    const other = frugal('404').fallback(onServer, { triggerOnError: [403] });
    expect(await other.execute()).toMatchObject({ kind: 'local', status: 'failed' });
  });

  it('what follows the failure of one that failed here runs here, and its call is not repeated', async () => {
    const client = clientWith();
    const failing = frugal('a500').onFailure(frugal('b200'));
    const result = await frugal('500', client).fallback(failing).execute();
    await client.settled();
    expect(result).toMatchObject({ kind: 'submitted' });
    expect(submitted(server)).toEqual([{ url: `${target.url}/500`, method: 'GET' }]);
    expect(paths()).toEqual(['/500', '/a500', '/b200']);
  });

  it('with retryFallbacksRemotely all of it goes along, what follows their failure too', async () => {
    const client = clientWith({ retryFallbacksRemotely: true });
    const after = new Step().url(`${target.url}/b200`).type(StepType.PERFORMANCE);
    await frugal('500', client).fallback(frugal('a500').onFailure(after)).execute();
    await client.settled();
    expect(submitted(server)).toMatchObject([
      { fallback_job: { url: `${target.url}/a500`, on_failure: { url: `${target.url}/b200` } } },
    ]);
  });

  it('row 17: on_timeout does not start because of an error', async () => {
    const result = await frugal('404').fallback(frugal('a200'), { triggerOnTimeout: 10 }).execute();
    expect(result).toMatchObject({ kind: 'local', status: 'failed', status_code: 404 });
    expect(paths()).toEqual(['/404']);
  });

  it('row 17: a primary that answers first wins the race', async () => {
    const result = await frugal('wait-60-200')
      .fallback(frugal('hang'), { triggerOnTimeout: 10 })
      .execute();
    expect(result).toMatchObject({ kind: 'local', path: 0, status: 'success' });
  });

  it('onFailureTimeout ends everything here', async () => {
    const result = await frugal('hang').fallback(frugal('hang')).onFailureTimeout(40).execute();
    expect(result).toMatchObject({
      kind: 'local',
      status: 'failed',
      error: expect.stringContaining('onFailureTimeout'),
    });
    expect(server.seen).toEqual([]);
  });
});

describe('what follows it', () => {
  it('row 8: an error of a child does not touch the primary, nor is the primary sent again', async () => {
    const errors: unknown[] = [];
    const client = clientWith({ onChildError: (error, edge) => errors.push([edge, error]) });
    server.answer = () => ({ status: 400, body: { error: 'validation_failed', message: 'no' } });
    const child = new Step().url('https://api.example/child');
    const result = await frugal('200', client).onSuccess(child).execute();
    expect(result).toMatchObject({ kind: 'local', status: 'success' });
    const children = result.kind === 'local' ? await result.children : [];
    expect(children).toMatchObject([
      { edge: 'onSuccess', ok: false, error: { code: 'validation_failed' } },
    ]);
    expect(errors).toEqual([['onSuccess', children[0]?.ok === false ? children[0].error : null]]);
    expect(paths()).toEqual(['/200']);
  });

  it('rows 9 and 10: an error that nobody listens to ends no process and is not lost', async () => {
    const client = clientWith();
    server.answer = () => ({ status: 500, cut: true });
    const result = await frugal('200', client).onSuccess(new Step().url(target.url)).execute();
    await client.settled();
    expect(result.kind === 'local' && (await result.children)).toMatchObject([
      { ok: false, error: { code: 'network_error' } },
    ]);
  });

  it('a hook for errors that fails itself, at once or later, ends no process', async () => {
    const written = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    server.answer = () => ({ status: 400, body: { error: 'validation_failed', message: 'no' } });
    const child = new Step().url('https://api.example/child');
    const hooks = [
      () => {
        throw new Error('at once');
      },
      async () => {
        throw new Error('later');
      },
    ];
    for (const onChildError of hooks) {
      const client = clientWith({ onChildError });
      await frugal('200', client).onSuccess(child).execute();
      await client.settled();
    }
    await new Promise((resolve) => setImmediate(resolve));
    expect(written.mock.calls.map(([, error]) => String(error))).toEqual([
      'Error: at once',
      'Error: later',
    ]);
    written.mockRestore();
  });

  it('row 18: onFailure runs when all failed here and nothing was handed on', async () => {
    const client = clientWith();
    await frugal('404', client).onSuccess(frugal('a200')).onFailure(frugal('b200')).execute();
    await client.settled();
    expect(paths()).toEqual(['/404', '/b200']);
  });

  it('a fallback’s success runs the step’s onSuccess and its own', async () => {
    const client = clientWith();
    await frugal('500', client)
      .onSuccess(frugal('a200'))
      .fallback(frugal('b200').onSuccess(frugal('c200')))
      .execute();
    await client.settled();
    expect(paths().toSorted()).toEqual(['/500', '/a200', '/b200', '/c200']);
  });

  it('a PERFORMANCE step is submitted when its turn comes, or nested when the step is handed on', async () => {
    const child = new Step()
      .url('https://api.example/child')
      .webhooks([{ url: 'https://app.example/' }]);
    const client = clientWith();
    await frugal('200', client).onSuccess(child).execute();
    await client.settled();
    await frugal('500', client).onSuccess(child).execute();
    const job = {
      url: 'https://api.example/child',
      method: 'GET',
      webhooks: [{ url: 'https://app.example/' }],
    };
    expect(submitted(server)).toEqual([
      job,
      { url: `${target.url}/500`, method: 'GET', on_success: job },
    ]);
  });
});
