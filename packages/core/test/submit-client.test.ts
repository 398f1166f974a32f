import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as core from '@ezthrottle/core';
import { IdempotentStrategy, Step, StepType, SubmitClient } from '@ezthrottle/core/submit';
import { listen, type Loopback } from './loopback.ts';

let server: Loopback;
let client: SubmitClient;

beforeEach(async () => {
  server = await listen(() => ({ status: 201, body: { job_id: 'job-1', status: 'queued' } }));
  client = new SubmitClient({ apiKey: 'the-key', baseUrl: server.url, retry: { baseDelayMs: 1 } });
});

afterEach(() => server[Symbol.asyncDispose]());

const url = 'https://api.example/';

function sent(): unknown {
  return JSON.parse(server.seen.at(-1)?.text ?? '');
}

describe('a client that only submits', () => {
  it('sends a tree as one job, its children and fallbacks inside', async () => {
    const tree = new Step(client)
      .url(url)
      .method('post')
      .json({ a: 1 })
      .idempotentKey('order-42')
      .fallback(new Step().url(`${url}1`).onSuccess(new Step().url(`${url}3`)), {
        triggerOnError: 500,
      })
      .fallback(new Step().url(`${url}2`), { triggerOnTimeout: 800 })
      .onFailure(new Step().url(`${url}4`), 60_000);
    expect(await tree.execute()).toMatchObject({
      kind: 'submitted',
      job_id: 'job-1',
      idempotent_key: 'order-42',
      executed_locally: false,
    });
    expect(server.seen[0]?.headers.authorization).toBe('Bearer the-key');
    expect(sent()).toEqual({
      url,
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: '{"a":1}',
      idempotent_key: 'order-42',
      on_failure: { url: `${url}4`, method: 'GET' },
      on_failure_timeout_ms: 60_000,
      fallback_job: {
        url: `${url}1`,
        method: 'GET',
        trigger: { type: 'on_error', codes: [500] },
        on_success: { url: `${url}3`, method: 'GET' },
        fallback_job: {
          url: `${url}2`,
          method: 'GET',
          trigger: { type: 'on_timeout', timeout_ms: 800 },
        },
      },
    });
  });

  it('takes the same steps and types as the whole client', async () => {
    expect(StepType).toBe(core.StepType);
    expect(IdempotentStrategy).toBe(core.IdempotentStrategy);
    await new core.Step()
      .url(url)
      .onSuccess(new Step().url(`${url}1`))
      .execute(client);
    expect(sent()).toMatchObject({ on_success: { url: `${url}1` } });
  });

  it('refuses what would have to run here, all of it, before anything is sent', async () => {
    const local = new Step().url(url).type(StepType.FRUGAL);
    const tree = local.fallback(new Step().url(url).onFailure(local)).onSuccess(local);
    const error: unknown = await tree.execute(client).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'step_validation',
      problems: [{ path: '' }, { path: 'fallback[0].onFailure' }, { path: 'onSuccess' }],
    });
    expect(server.seen).toEqual([]);
  });

  it('refuses what is no step, and more steps than a server takes, however they are shared', async () => {
    const withNoStep = new Step(client, { url, onSuccess: JSON.parse('null') });
    await expect(withNoStep.execute()).rejects.toMatchObject({
      problems: [{ path: 'onSuccess', message: 'is not a step' }],
    });
    await expect(
      new Step(client).url(url).method('POST').json(undefined).execute(),
    ).rejects.toThrow(/body is null/);
    let shared = new Step().url(url);
    for (let level = 0; level < 20; level += 1) shared = shared.onSuccess(shared).onFailure(shared);
    await expect(shared.execute(client)).rejects.toMatchObject({ code: 'step_validation' });
    expect(server.seen).toEqual([]);
  });

  it.each<[string, object]>([
    ['method', { url, method: null }],
    ['body', { url, method: 'POST', body: new Blob(['hello']) }],
    ['body', { url, method: 'POST', body: new URLSearchParams('a=b') }],
    ['headers.Authorization', { url, headers: { Authorization: undefined } }],
    ['query', { url, query: [['a', undefined]] }],
    ['priority', { url, priority: Number.NaN }],
    ['timeout', { url, timeout: Number.POSITIVE_INFINITY }],
    ['type', { url, type: 'FRUGAL' }],
    ['idempotentStrategy', { url, idempotentStrategy: 'UNIQUE' }],
    ['fallback[0]', { url, fallbacks: [{ step: { url }, trigerOnError: [500] }] }],
    [
      'fallback[0]',
      { url, fallbacks: [{ step: { url }, triggerOnError: [500], triggerOnTimeout: 5 }] },
    ],
  ])('refuses what would not reach the server as it is meant: %s of %o', async (path, node) => {
    await expect(new Step(client, node).execute()).rejects.toMatchObject({ problems: [{ path }] });
    expect(server.seen).toEqual([]);
  });

  it('tells what the server finds wrong with a tree, everything at once', async () => {
    const problems = [{ path: 'on_success.url', message: 'is required', expected: 'an address' }];
    server.answer = () => ({ status: 400, body: { error: 'validation_failed', problems } });
    const error: unknown = await new Step(client)
      .url(url)
      .onSuccess(new Step())
      .execute()
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(core.ValidationError);
    expect(error).toMatchObject({ problems });
  });

  it('tries again what may pass', async () => {
    const answers = [{ status: 503 }, { status: 0, cut: true as const }];
    server.answer = () =>
      answers.shift() ?? { status: 201, body: { job_id: 'job-2', status: 'queued' } };
    expect(await new Step(client).url(url).execute()).toMatchObject({ job_id: 'job-2' });
    expect(server.seen).toHaveLength(3);
  });

  it('ends a call by its signal, by its time limit, and when it is closed', async () => {
    server.answer = () => ({ status: 200, hang: true });
    const reason = new Error('enough');
    const controller = new AbortController();
    const step = new Step(client).url(url);
    const aborted = step.execute({ signal: controller.signal });
    controller.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    const impatient = { apiKey: 'k', baseUrl: server.url, retry: false, timeout: 20 } as const;
    await expect(step.execute(new SubmitClient(impatient))).rejects.toMatchObject({
      code: 'timeout',
    });
    const running = step.execute();
    await client.close();
    await expect(running).rejects.toMatchObject({ code: 'closed' });
  });

  it('is not made with options that cannot work, and names all of them at once', () => {
    const options: Record<string, unknown> = {
      apiKey: 'k',
      timeout: -1,
      retry: { maxRetries: '' },
    };
    const make = (): unknown => Reflect.construct(SubmitClient, [options]);
    expect(make).toThrow(expect.objectContaining({ code: 'configuration' }));
    expect(make).toThrow(/timeout is.*retry\.maxRetries is/);
  });
});
