import { createRequire } from 'node:module';
import { createUpstream, type RecordedRequest, type Upstream } from '@ezthrottle/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { EZThrottle } from '@ezthrottle/core';
import { verifyWebhookSignature } from '@ezthrottle/core/webhooks';
import { startRealServer, type RealServer } from './real-server.ts';

/*
 * What the Node guide submits, against a server as it is started for development. Names outside this
 * machine stand for one target on loopback, which answers as each test says.
 */
const WAIT = { timeout: 20_000 };

let server: RealServer;
let world: Upstream;
let client: EZThrottle;

beforeAll(async () => {
  world = await createUpstream();
  server = await startRealServer([world.origin], ['--delivery-delays', '0s,100ms']);
  client = new EZThrottle({ apiKey: server.apiKey, baseUrl: server.url });
});

beforeEach(() => {
  world.clear();
  world.script({ body: { ok: true } });
  vi.stubEnv('EZTHROTTLE_API_KEY', server.apiKey);
  vi.stubEnv('EZTHROTTLE_URL', server.url);
  vi.stubEnv('APP_URL', world.url('/app'));
  vi.stubEnv('WORLD', world.origin);
});

afterEach(() => vi.unstubAllEnvs());

afterAll(async () => {
  await client.close();
  await server[Symbol.asyncDispose]();
  await world.close();
});

const HEAD = `
const { EZThrottle, Step, StepType, IdempotentStrategy } = require('@ezthrottle/core');
const client = new EZThrottle({
  apiKey: process.env.EZTHROTTLE_API_KEY,
  ezthrottleUrl: process.env.EZTHROTTLE_URL
});
const at = (name) => \`\${process.env.WORLD}/\${name}\`;
`;

/** Runs a snippet as a CommonJS module would, and gives what it names. */
async function run(snippet: string, result = 'result'): Promise<Record<string, unknown>> {
  const AsyncFunction: FunctionConstructor = Object.getPrototypeOf(
    async () => undefined,
  ).constructor;
  const work = new AsyncFunction('require', `${HEAD}; ${snippet}; return ${result};`);
  const value: unknown = await work(createRequire(import.meta.url));
  return { ...Object(value) };
}

const ended = (result: Record<string, unknown>): ReturnType<EZThrottle['wait']> =>
  client.wait(String(result['job_id']), WAIT);

/** What has come to an address of the world, once there is so much of it. */
async function arrived(path: string, count = 1): Promise<readonly RecordedRequest[]> {
  const isIt = (request: RecordedRequest): boolean => request.path === path;
  const seen = await world.waitFor((all) => all.filter(isIt).length >= count, WAIT.timeout);
  return seen.filter(isIt);
}

function deliveryOf({ headers, bodyBytes, body }: RecordedRequest): unknown {
  const signature = headers['x-ezthrottle-signature'];
  const secret = server.signingSecret;
  expect(verifyWebhookSignature(bodyBytes, signature, secret).reason).toBe('valid');
  return JSON.parse(body);
}

describe('the guide, on a server', () => {
  it('FRUGAL: called here first, and finished by the server after a 429', async () => {
    world.route('/chat', [{ status: 429 }, { status: 429 }, { body: { answer: 42 } }]);
    const result = await run(`
const result = await new Step(client)
  .url(at('chat'))
  .method('POST')
  .headers({ 'Authorization': 'Bearer sk-...' })
  .body(JSON.stringify({ model: 'gpt-4', messages: [] }))
  .type(StepType.FRUGAL)
  .fallbackOnError([429, 500, 502, 503])
  .execute();`);
    expect(result).toMatchObject({ executed_locally: false });
    expect(await ended(result)).toMatchObject({ status: 'success' });
    const calls = await arrived('/chat', 3);
    expect(new Set(calls.map(({ body }) => body)).size).toBe(1);
    expect(calls[2]?.headers['authorization']).toBe('Bearer sk-...');
  });

  it('PERFORMANCE: three regions race, and the webhook has the result of one', async () => {
    const result = await run(`
const result = await new Step(client)
  .url(at('charges'))
  .method('POST')
  .headers({ 'Authorization': 'Bearer sk_live_...' })
  .body(JSON.stringify({ amount: 1000, currency: 'usd' }))
  .type(StepType.PERFORMANCE)
  .webhooks([
    { url: at('payment-complete'), hasQuorumVote: true }
  ])
  .regions(['iad', 'lax', 'ord'])
  .executionMode('race')
  .execute();`);
    expect(result).toMatchObject({ status: 'racing' });
    expect(await ended(result)).toMatchObject({ status: 'success' });
    const [delivery] = await arrived('/payment-complete');
    expect(delivery && deliveryOf(delivery)).toMatchObject({
      job_id: result['job_id'],
      status: 'success',
      response: { status_code: 200, body: '{"ok":true}' },
    });
  });

  it('HASH: the same request twice is one call', async () => {
    const snippet = `
const result = await new Step(client)
  .url(at('hashed'))
  .body(JSON.stringify({ amount: 1000, currency: 'usd' }))
  .idempotentStrategy(IdempotentStrategy.HASH)
  .execute();`;
    const first = await run(snippet);
    expect(await run(snippet)).toMatchObject({ job_id: first['job_id'], duplicate: true });
    await ended(first);
    expect(await arrived('/hashed')).toHaveLength(1);
  });

  it('UNIQUE: each time is a call of its own', async () => {
    const snippet = `
const result = await new Step(client)
    .url(at('status'))
    .idempotentStrategy(IdempotentStrategy.UNIQUE)
    .execute();`;
    const results = [await run(snippet), await run(snippet)];
    for (const result of results) expect(await ended(result)).toMatchObject({ status: 'success' });
    expect(await arrived('/status', 2)).toHaveLength(2);
  });

  it('chain mixing: FRUGAL here, then PERFORMANCE on the server, which tells when it is sent', async () => {
    const workflow = await run(
      `
const workflow = await new Step(client)
  .url(at('completions'))
  .type(StepType.FRUGAL)
  .fallbackOnError([429])
  .onSuccess(
    new Step(client)
      .url(at('send'))
      .type(StepType.PERFORMANCE)
      .webhooks([{ url: at('sent') }])
      .regions(['iad', 'lax', 'ord'])
  )
  .execute();
await client.settled();`,
      'workflow',
    );
    expect(workflow).toMatchObject({ status: 'success', executed_locally: true });
    const [delivery] = await arrived('/sent');
    expect(delivery && deliveryOf(delivery)).toMatchObject({ status: 'success' });
    expect((await arrived('/completions'))[0]?.headers).not.toHaveProperty('x-ezthrottle-job-id');
  });

  it('submitJob: nested fallbacks, both webhooks, and the job that follows', async () => {
    world.route('/primary', { status: 500 });
    world.route('/backup', { fault: 'hang_before_headers' });
    const result = await run(`
const result = await client.submitJob({
  url: at('primary'),
  method: 'POST',
  webhooks: [{ url: at('webhook'), hasQuorumVote: true }, { url: at('webhook2') }],
  webhookQuorum: 2,
  retryPolicy: { maxRetries: 0, maxReroutes: 0, retryCodes: [429], rerouteCodes: [500] },
  fallbackJob: {
    url: at('backup'),
    method: 'POST',
    trigger: { type: 'on_error', codes: [429, 500, 502, 503] },
    fallbackJob: { url: at('last'), trigger: { type: 'on_timeout', timeoutMs: 200 } }
  },
  onSuccess: { url: at('next') },
  onFailure: { url: at('sorry') },
  metadata: { order: 7 }
});`);
    expect(await ended(result)).toMatchObject({ status: 'success', result: { path: 2 } });
    const [next] = await arrived('/next');
    expect(next?.headers['x-ezthrottle-job-id']).not.toBe(result['job_id']);
    for (const path of ['/webhook', '/webhook2']) {
      const [delivery] = await arrived(path);
      expect(delivery && deliveryOf(delivery)).toMatchObject({
        job_id: result['job_id'],
        status: 'success',
        metadata: { order: 7 },
      });
    }
    expect(world.requests.some(({ path }) => path === '/sorry')).toBe(false);
  });

  it('submitJob: when everything fails, onFailure runs and the webhook says so', async () => {
    world.route('/down', { status: 500 });
    const result = await run(`
const result = await client.submitJob({
  url: at('down'),
  webhooks: [{ url: at('down-webhook') }],
  retryPolicy: { maxRetries: 0, maxReroutes: 0 },
  regionPolicy: 'strict',
  onFailure: { url: at('sorry') },
  onFailureTimeoutMs: 3000
});`);
    expect(await ended(result)).toMatchObject({ status: 'failed' });
    await arrived('/sorry');
    const [delivery] = await arrived('/down-webhook');
    expect(delivery && deliveryOf(delivery)).toMatchObject({ status: 'failed' });
  });

  it('the test application: basic, racing, local and deduplicated', async () => {
    const results = await run(
      `
const submit = (name, key) => new Step(client)
    .url(at(name))
    .type(StepType.PERFORMANCE)
    .webhooks([{ url: \`\${process.env.APP_URL}/webhook\`, hasQuorumVote: true }]);
const basicKey = 'performance_basic_1';
const basic = await submit('status/200').idempotentKey(basicKey).execute();
const racingKey = 'performance_racing_1';
const racing = await submit('delay/1')
    .regions(['iad', 'lax', 'ord'])
    .executionMode('race')
    .idempotentKey(racingKey)
    .execute();
const local = await new Step(client)
    .url(at('status/200'))
    .type(StepType.FRUGAL)
    .execute();
const again = () => submit('get?test=idempotent_hash&run=1')
    .idempotentStrategy(IdempotentStrategy.HASH)
    .execute();
const result1 = await again();
const result2 = await again();`,
      '{ basic, racing, local, result1, result2 }',
    );
    const { basic, racing, local, result1, result2 } = results;
    expect(local).toMatchObject({ status: 'success', status_code: 200, executed_locally: true });
    expect(Object(result2).job_id).toBe(Object(result1).job_id);
    const deliveries = (await arrived('/app/webhook', 3)).map(deliveryOf);
    const wanted = [
      [basic, 'performance_basic_1'],
      [racing, 'performance_racing_1'],
      [result1, Object(result1).idempotent_key],
    ] as const;
    for (const [job, idempotent_key] of wanted) {
      const { job_id } = Object(job);
      const told = expect.objectContaining({ job_id, idempotent_key, status: 'success' });
      expect(deliveries).toContainEqual(told);
    }
    expect(deliveries).toHaveLength(3);
  });
});
