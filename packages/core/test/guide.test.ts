import { createRequire } from 'node:module';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { jobServer, listen, submitted, type Loopback } from './loopback.ts';

/*
 * The snippets of the Node guide as they stand there; only the package's name and the places where
 * it writes `[...]` are filled in. They run against real servers: addresses outside this machine are
 * led to one on loopback.
 */
const HEAD = `
const { EZThrottle, Step, StepType, IdempotentStrategy } = require('@ezthrottle/core');
const client = new EZThrottle({ apiKey: 'your_api_key' });
`;

let server: Loopback;
let world: Loopback;

beforeEach(async () => {
  server = await listen(jobServer());
  world = await listen(() => ({ status: 200, body: { ok: true } }));
  vi.stubEnv('EZTHROTTLE_URL', server.url);
  vi.stubEnv('APP_URL', 'https://app.example');
  const { fetch } = globalThis;
  vi.stubGlobal('fetch', (url: string, init: RequestInit) => {
    const { host, pathname, search } = new URL(url);
    const isHere = host.startsWith('127.0.0.1');
    return fetch(isHere ? url : `${world.url}/${host}${pathname}${search}`, init);
  });
});

afterEach(async () => {
  vi.unstubAllGlobals();
  vi.unstubAllEnvs();
  await server[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

/** Runs a snippet as a CommonJS module would, and gives what it names `result`. */
async function run(snippet: string, result = 'result'): Promise<unknown> {
  const body = `${HEAD}; ${snippet}; return ${result};`;
  const AsyncFunction: FunctionConstructor = Object.getPrototypeOf(
    async () => undefined,
  ).constructor;
  const work: unknown = new AsyncFunction('require', body)(createRequire(import.meta.url));
  return work;
}

describe('the guide', () => {
  it('FRUGAL: execute locally first, forward only on 429/500', async () => {
    const snippet = `
const result = await new Step(client)
  .url('https://api.openai.com/v1/chat/completions')
  .method('POST')
  .headers({ 'Authorization': 'Bearer sk-...' })
  .body(JSON.stringify({ model: 'gpt-4', messages: [] }))
  .type(StepType.FRUGAL)
  .fallbackOnError([429, 500, 502, 503])
  .execute();`;
    expect(await run(snippet)).toMatchObject({ status: 'success', executed_locally: true });
    expect(world.seen[0]).toMatchObject({
      method: 'POST',
      path: '/api.openai.com/v1/chat/completions',
      text: '{"model":"gpt-4","messages":[]}',
    });
    world.answer = () => ({ status: 429 });
    expect(await run(snippet)).toMatchObject({ job_id: 'job-1', executed_locally: false });
  });

  it('PERFORMANCE: webhooks, regions, race', async () => {
    const result = await run(`
const result = await new Step(client)
  .url('https://api.stripe.com/charges')
  .method('POST')
  .headers({ 'Authorization': 'Bearer sk_live_...' })
  .body(JSON.stringify({ amount: 1000, currency: 'usd' }))
  .type(StepType.PERFORMANCE)
  .webhooks([
    { url: 'https://app.com/payment-complete', hasQuorumVote: true }
  ])
  .regions(['iad', 'lax', 'ord'])
  .executionMode('race')
  .execute();`);
    expect(result).toMatchObject({ job_id: 'job-1', status: 'queued' });
    expect(submitted(server)).toEqual([
      {
        url: 'https://api.stripe.com/charges',
        method: 'POST',
        headers: { Authorization: 'Bearer sk_live_...' },
        body: '{"amount":1000,"currency":"usd"}',
        webhooks: [{ url: 'https://app.com/payment-complete', has_quorum_vote: true }],
        regions: ['iad', 'lax', 'ord'],
      },
    ]);
  });

  it('HASH: the same request twice is the same job', async () => {
    const snippet = `
const result = await new Step(client)
  .url('https://api.stripe.com/charges')
  .body(JSON.stringify({ amount: 1000, currency: 'usd' }))
  .idempotentStrategy(IdempotentStrategy.HASH)
  .execute();`;
    expect(await run(snippet)).toMatchObject({ job_id: 'job-1' });
    expect(await run(snippet)).toMatchObject({ job_id: 'job-1' });
  });

  it('UNIQUE: each request is a job of its own', async () => {
    const snippet = `
const result = await new Step(client)
    .url('https://api.example.com/status')
    .idempotentStrategy(IdempotentStrategy.UNIQUE)
    .execute();`;
    expect(await run(snippet)).toMatchObject({ job_id: 'job-1' });
    expect(await run(snippet)).toMatchObject({ job_id: 'job-2' });
  });

  it('chain mixing: FRUGAL, then PERFORMANCE', async () => {
    const workflow = await run(
      `
const workflow = await new Step(client)
  .url('https://api.openai.com/v1/chat/completions')
  .type(StepType.FRUGAL)
  .fallbackOnError([429])
  .onSuccess(
    new Step(client)
      .url('https://api.sendgrid.com/send')
      .type(StepType.PERFORMANCE)
      .webhooks([{ url: 'https://app.com/sent' }])
      .regions(['iad', 'lax', 'ord'])
  )
  .execute();
await client.settled();`,
      'workflow',
    );
    expect(workflow).toMatchObject({ status: 'success' });
    expect(submitted(server)).toMatchObject([{ url: 'https://api.sendgrid.com/send' }]);
  });

  it('submitJob takes the whole specification, recursive fallbacks included', async () => {
    await run(
      `
const result = await client.submitJob({
  url: 'https://api.example.com',
  webhooks: [{ url: 'https://app.com/webhook', regions: ['iad', 'lax'], hasQuorumVote: true },
             { url: 'https://app.com/webhook2' }],
  webhookQuorum: 2,
  regions: ['iad', 'lax', 'ord'],
  regionPolicy: 'fallback',
  executionMode: 'race',
  fallbackJob: {
    url: 'https://backup-api.com',
    method: 'POST',
    trigger: { type: 'on_error', codes: [429, 500, 502, 503] },
    fallbackJob: { url: 'https://last-api.com', trigger: { type: 'on_timeout', timeoutMs: 500 } }
  },
  onSuccess: { url: 'https://next.com' },
  onFailure: { url: 'https://sorry.com' },
  onFailureTimeoutMs: 3000
});`,
    );
    expect(submitted(server)[0]).toMatchObject({
      webhook_quorum: 2,
      fallback_job: { fallback_job: { trigger: { type: 'on_timeout', timeout_ms: 500 } } },
      on_failure_timeout_ms: 3000,
    });
  });

  it('the test application: basic, racing, local, deduplicated', async () => {
    const results = await run(
      `
const testKey = 'performance_basic_1';
const basic = await new Step(client)
    .url('https://httpbin.org/status/200')
    .type(StepType.PERFORMANCE)
    .webhooks([{ url: \`\${process.env.APP_URL}/webhook\`, hasQuorumVote: true }])
    .idempotentKey(testKey)
    .execute();
const local = await new Step(client)
    .url('https://httpbin.org/status/200')
    .type(StepType.FRUGAL)
    .execute();
const runId = 1;
const again = () => new Step(client)
    .url(\`https://httpbin.org/get?test=idempotent_hash&run=\${runId}\`)
    .type(StepType.PERFORMANCE)
    .webhooks([{ url: \`\${process.env.APP_URL}/webhook\`, hasQuorumVote: true }])
    .idempotentStrategy(IdempotentStrategy.HASH)
    .execute();
const result1 = await again();
const result2 = await again();`,
      '{ basic, local, deduped: result1.job_id === result2.job_id }',
    );
    expect(results).toMatchObject({
      basic: { job_id: 'job-1', idempotent_key: 'performance_basic_1' },
      local: { status: 'success', status_code: 200 },
      deduped: true,
    });
  });
});
