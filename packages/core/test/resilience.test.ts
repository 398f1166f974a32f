import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  CircuitOpenError,
  EZThrottle,
  NetworkError,
  NotFoundError,
  RateLimitError,
  ServerError,
  Step,
  StepType,
  TimeoutError,
  type EZThrottleOptions,
} from '@ezthrottle/core';
import { SubmitClient } from '@ezthrottle/core/submit';
import { jobServer, listen, type Loopback } from './loopback.ts';

let server: Loopback;

beforeEach(async () => {
  server = await listen(jobServer());
});

afterEach(() => server[Symbol.asyncDispose]());

function clientWith(options: EZThrottleOptions = {}): EZThrottle {
  return new EZThrottle({ apiKey: 'the-key', baseUrl: server.url, retry: false, ...options });
}

function errorOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => new Error('it succeeded'),
    (error: unknown) => error,
  );
}

describe('a server that fails again and again', () => {
  it('is left alone for a while, then asked once, and trusted when it answers', async () => {
    let elapsed = 0;
    const runtime = { monotonic: () => elapsed, now: () => 1_000_000 + elapsed };
    const client = clientWith({ runtime, circuitBreaker: { failures: 2, openMs: 500 } });
    server.answer = () => ({ status: 503 });
    for (let call = 0; call < 2; call += 1) {
      expect(await errorOf(client.jobs.get('x'))).toBeInstanceOf(ServerError);
    }
    elapsed = 100;
    const refused = await errorOf(client.jobs.get('x'));
    expect(refused).toBeInstanceOf(CircuitOpenError);
    expect(refused).toMatchObject({ code: 'circuit_open', retryable: true, retryAt: 1_000_500 });
    expect(server.seen).toHaveLength(2);

    elapsed = 500;
    expect(await errorOf(client.jobs.get('x'))).toBeInstanceOf(ServerError);
    expect(await errorOf(client.jobs.get('x'))).toBeInstanceOf(CircuitOpenError);
    elapsed = 1_000;
    server.answer = () => ({ status: 404 });
    for (let call = 0; call < 4; call += 1) {
      expect(await errorOf(client.jobs.get('x'))).toBeInstanceOf(NotFoundError);
    }
    expect(server.seen).toHaveLength(7);
  });

  it('is one that gives no answer, or not in time; refusals do not count, 429 among them', async () => {
    const client = clientWith({ timeout: 300, circuitBreaker: { failures: 2 } });
    server.answer = () => ({ status: 429 });
    for (let call = 0; call < 3; call += 1) {
      expect(await errorOf(client.jobs.get('x'))).toBeInstanceOf(RateLimitError);
    }
    server.answer = () => ({ status: 200, cut: true });
    expect(await errorOf(client.jobs.get('x'))).toBeInstanceOf(NetworkError);
    server.answer = () => ({ status: 200, hang: true });
    expect(await errorOf(client.jobs.get('x'))).toBeInstanceOf(TimeoutError);
    expect(await errorOf(client.jobs.get('x'))).toBeInstanceOf(CircuitOpenError);
  });

  it('is asked every time when the circuit breaker is off', async () => {
    const client = clientWith({ circuitBreaker: false });
    server.answer = () => ({ status: 500 });
    for (let call = 0; call < 9; call += 1) {
      expect(await errorOf(client.jobs.get('x'))).toBeInstanceOf(ServerError);
    }
  });

  it('a retry that the circuit refuses ends with what the call itself has met', async () => {
    const client = clientWith({
      retry: { maxRetries: 5, baseDelayMs: 1 },
      circuitBreaker: { failures: 2 },
    });
    server.answer = () => ({ status: 200, cut: true });
    expect(await errorOf(client.jobs.get('x'))).toBeInstanceOf(NetworkError);
    expect(server.seen).toHaveLength(2);
  });

  it('is left alone by every client of it in the process, also one made for a single request', async () => {
    server.answer = () => ({ status: 503 });
    const circuitBreaker = { failures: 3, openMs: 60_000 };
    for (let request = 0; request < 3; request += 1) {
      const client = clientWith({ circuitBreaker, apiKey: `key-${request}` });
      expect(await errorOf(client.jobs.get('x'))).toBeInstanceOf(ServerError);
    }
    const refused = await errorOf(clientWith({ circuitBreaker }).jobs.get('x'));
    expect(refused).toBeInstanceOf(CircuitOpenError);
    expect(server.seen).toHaveLength(3);
    const apart = clientWith({ circuitBreaker: false });
    expect(await errorOf(apart.jobs.get('x'))).toBeInstanceOf(ServerError);
    const other = await listen(jobServer());
    const toOther = clientWith({ circuitBreaker, baseUrl: other.url });
    expect(await errorOf(toOther.jobs.get('x'))).toBeInstanceOf(NotFoundError);
    await other[Symbol.asyncDispose]();
  });

  it('opens for all when the strictest of its clients has had enough, for as long as that one says', async () => {
    let elapsed = 0;
    const runtime = { monotonic: () => elapsed, now: () => 1_000_000 + elapsed };
    const strict = clientWith({ runtime, circuitBreaker: { failures: 2, openMs: 500 } });
    const patient = clientWith({ runtime, circuitBreaker: { failures: 9, openMs: 90_000 } });
    server.answer = () => ({ status: 503 });
    await errorOf(patient.jobs.get('x'));
    await errorOf(strict.jobs.get('x'));
    const refused = await errorOf(patient.jobs.get('x'));
    expect(refused).toMatchObject({ code: 'circuit_open', retryAt: 1_000_500 });
    elapsed = 500;
    server.answer = () => ({ status: 404 });
    expect(await errorOf(patient.jobs.get('x'))).toBeInstanceOf(NotFoundError);
    expect(await errorOf(strict.jobs.get('x'))).toBeInstanceOf(NotFoundError);
  });

  it('is judged apart by clients that have a fetch or a clock of their own, as those of tests have', async () => {
    server.answer = () => ({ status: 500 });
    const circuitBreaker = { failures: 1 };
    const own = (): EZThrottle =>
      clientWith({ circuitBreaker, fetch: (url, init) => fetch(url, init) });
    await errorOf(own().jobs.get('x'));
    expect(await errorOf(own().jobs.get('x'))).toBeInstanceOf(ServerError);
    const timed = (): EZThrottle => clientWith({ circuitBreaker, runtime: { monotonic: () => 0 } });
    await errorOf(timed().jobs.get('x'));
    expect(await errorOf(timed().jobs.get('x'))).toBeInstanceOf(ServerError);
  });

  it('counts as out of reach for forwardOrFallback', async () => {
    const client = clientWith({ circuitBreaker: { failures: 1 } });
    server.answer = () => ({ status: 500 });
    await errorOf(client.jobs.get('x'));
    const job = { url: 'https://api.example/' };
    expect(await client.forwardOrFallback(async () => 'fallback', job)).toBe('fallback');
  });
});

describe('every call to the server', () => {
  it('has the time that its step is given, and calls made here have their own', async () => {
    server.answer = ({ path }) => ({ status: 500, ...(path === '/p' ? {} : { hang: true }) });
    const client = clientWith({ timeout: 60_000, circuitBreaker: false });
    const submitted = new Step(client).url('https://api.example/').execute({ timeout: 20 });
    expect(await errorOf(submitted)).toBeInstanceOf(TimeoutError);
    const local = new Step(client).url(`${server.url}/p`).type(StepType.FRUGAL);
    expect(await errorOf(local.execute({ timeout: 20 }))).toMatchObject({
      code: 'forward_failed',
      cause: { code: 'timeout' },
    });
    const { url, apiKey } = { url: server.url, apiKey: 'k' };
    const submitting = new SubmitClient({
      apiKey,
      baseUrl: url,
      retry: false,
      circuitBreaker: false,
    });
    const step = new Step().url('https://api.example/');
    expect(await errorOf(submitting.execute(step, { timeout: 20 }))).toBeInstanceOf(TimeoutError);
  });

  it('carries an id that its error repeats, and tells who calls', async () => {
    server.answer = () => ({ status: 500 });
    const error = await errorOf(clientWith().jobs.get('x'));
    const headers = server.seen[0]?.headers;
    const id = headers?.['x-request-id'];
    expect(id).toMatch(/^[\w-]{36}$/);
    expect(error).toMatchObject({ requestId: id });
    const manifest: { version: string } = JSON.parse(
      readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
    );
    const [product, runtime] = (headers?.['user-agent'] ?? '').split(' ');
    expect(product).toBe(`ezthrottle-js/${manifest.version}`);
    expect(runtime).toMatch(/^\(Node\.js\/\d+.*\)$/);
  });

  it('has one id for all its tries, and errors without an answer name it, too', async () => {
    server.answer = () => ({ status: 200, cut: true });
    const client = clientWith({ retry: { maxRetries: 2, baseDelayMs: 1 } });
    const error = await errorOf(client.jobs.get('x'));
    const ids = new Set(server.seen.map(({ headers }) => headers['x-request-id']));
    expect(server.seen).toHaveLength(3);
    expect([...ids]).toEqual([error instanceof NetworkError && error.requestId]);
  });

  it('goes through the dispatcher that Node is to use', async () => {
    await fetch(server.url);
    // Where Node's own fetch keeps its dispatcher, once it has been used.
    const own: unknown = Reflect.get(globalThis, Symbol.for('undici.globalDispatcher.1'));
    if (typeof own !== 'object' || own === null) throw new Error('fetch has no dispatcher');
    const origins: unknown[] = [];
    const dispatcher = {
      dispatch(options: { readonly origin: unknown }, handler: unknown): unknown {
        origins.push(options.origin);
        return Reflect.apply(Reflect.get(own, 'dispatch'), own, [options, handler]);
      },
    };
    await clientWith({ dispatcher }).submitJob({ url: 'https://api.example/' });
    expect(origins).toEqual([server.url]);
    expect(server.seen).toHaveLength(2);
  });
});

describe('closing a client', () => {
  it('ends calls that wait, and every later one', async () => {
    server.answer = () => ({ status: 200, hang: true });
    const client = clientWith();
    const waiting = errorOf(client.jobs.get('x'));
    const local = errorOf(new Step(client).url(server.url).type(StepType.FRUGAL).execute());
    await client.close();
    expect(await waiting).toMatchObject({ code: 'closed' });
    expect(await local).toMatchObject({ code: 'closed' });
    expect(await errorOf(client.submitJob({ url: server.url }))).toMatchObject({ code: 'closed' });
    expect(await errorOf(client.request({ url: server.url }))).toMatchObject({ code: 'closed' });
    await client.close();
  });

  it('ends steps that followed others, and waits until they have ended', async () => {
    server.answer = ({ path }) => ({ status: 200, ...(path === '/child' && { hang: true }) });
    const errors: unknown[] = [];
    {
      await using client = clientWith({ onChildError: (error) => errors.push(error) });
      const child = new Step().url(`${server.url}/child`).type(StepType.FRUGAL);
      const step = new Step(client).url(server.url).type(StepType.FRUGAL).onSuccess(child);
      expect(await step.execute()).toMatchObject({ kind: 'local', status: 'success' });
    }
    expect(errors).toMatchObject([{ code: 'closed' }]);
  });

  it('ends at once a step that followed one that was handed on, and so does the caller’s signal', async () => {
    const jobs = jobServer();
    server.answer = (request) => {
      if (request.path === '/p' || request.path === '/fb') return { status: 500 };
      return request.path === '/hang' ? { status: 200, hang: true } : jobs(request);
    };
    const errors: unknown[] = [];
    const client = clientWith({ onChildError: (error) => errors.push(error) });
    const frugal = (path: string): Step =>
      new Step(client).url(`${server.url}${path}`).type(StepType.FRUGAL);
    const hanging = frugal('/hang').timeout(60_000);
    const step = frugal('/p').fallback(frugal('/fb').onFailure(hanging));
    expect(await step.execute()).toMatchObject({ kind: 'submitted' });
    const controller = new AbortController();
    const reason = new Error('enough');
    expect(await step.execute({ signal: controller.signal })).toMatchObject({ kind: 'submitted' });
    controller.abort(reason);
    await client.close();
    expect(errors).toHaveLength(2);
    expect(errors).toEqual(
      expect.arrayContaining([reason, expect.objectContaining({ code: 'closed' })]),
    );
  });

  it('a step that failed lets go of the caller’s signal while another one’s children run on', async () => {
    server.answer = ({ path }) =>
      path === '/hang' ? { status: 200, hang: true } : { status: path === '/p' ? 200 : 400 };
    const client = clientWith();
    const child = new Step().url(`${server.url}/hang`).type(StepType.FRUGAL);
    await new Step(client).url(`${server.url}/p`).type(StepType.FRUGAL).onSuccess(child).execute();
    const { signal } = new AbortController();
    let listeners = 0;
    const remove = signal.removeEventListener.bind(signal);
    const add = signal.addEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners += 1;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners -= 1;
      remove(...args);
    };
    const refused = new Step(client).url('https://api.example/').execute({ signal });
    expect(await errorOf(refused)).toMatchObject({ status: 400 });
    expect(listeners).toBe(0);
    await client.close();
  });

  it('leaves the caller’s own signal in force until then', async () => {
    server.answer = () => ({ status: 200, hang: true });
    const reason = new Error('enough');
    const controller = new AbortController();
    const { signal } = controller;
    const client = clientWith();
    const calls = [
      errorOf(client.jobs.get('x', { signal })),
      errorOf(client.request({ url: server.url, signal })),
      errorOf(new Step(client).url(server.url).type(StepType.FRUGAL).execute({ signal })),
    ];
    controller.abort(reason);
    expect(await Promise.all(calls)).toEqual([reason, reason, reason]);
  });
});
