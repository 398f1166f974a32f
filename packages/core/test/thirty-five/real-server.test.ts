// What the SDKs before this one did wrong or differently, and what holds here: one test each. These
// run against the server itself, as a process of its own.

import { createUpstream, type RecordedRequest, type Upstream } from '@ezthrottle/testkit';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { EZThrottle, IdempotentStrategy, RateLimitError, Step, StepType } from '@ezthrottle/core';
import { createReceiver, verifyWebhookSignature, type Receiver } from '@ezthrottle/core/webhooks';
import { startRealServer, type RealServer } from '../real-server.ts';
import { errorOf } from './world.ts';

const WAIT = { timeout: 20_000 };
const once = { maxRetries: 0, maxReroutes: 0 };

let server: RealServer;
let target: Upstream;
let hooks: Upstream;
let receiver: Receiver;
let client: EZThrottle;
let run = 0;

beforeAll(async () => {
  target = await createUpstream();
  target.route('/broken', { status: 500 });
  hooks = await createUpstream(answerHook);
  server = await startRealServer([target.origin]);
  client = clientOf();
  const continuations = client.continuations({ endpoint: hooks.url('/hook') });
  receiver = createReceiver({ secrets: server.signingSecret, continuations });
});

beforeEach(() => {
  run += 1;
  target.clear();
  hooks.clear();
});

afterAll(async () => {
  await client.close();
  await server[Symbol.asyncDispose]();
  await Promise.all([target.close(), hooks.close()]);
});

function clientOf(own: { readonly fetch?: typeof fetch } = {}): EZThrottle {
  const { url: baseUrl, apiKey, signingSecret: webhookSecret } = server;
  return new EZThrottle({ baseUrl, apiKey, webhookSecret, retry: false, ...own });
}

async function answerHook(request: RecordedRequest): Promise<{ status: number; body: string }> {
  const answer = await receiver.handle(requestOf(request));
  return { status: answer.status, body: await answer.text() };
}

function requestOf({ path, method, headers, bodyBytes }: RecordedRequest): Request {
  return new Request(hooks.url(path), { method, headers, body: Buffer.from(bodyBytes) });
}

/** A step that no test before has submitted. */
const at = (path: string): Step => new Step(client).url(target.url(`/${path}?run=${run}`));
const withHook = (step: Step): Step => step.webhooks([{ url: hooks.url('/hook') }]);
const calls = (path: string): number =>
  target.requests.filter((request) => request.path.startsWith(`/${path}?`)).length;
const called = (path: string): Promise<unknown> =>
  target.waitFor(() => calls(path) > 0, WAIT.timeout);

it('row 1: fields of every depth are understood', async () => {
  target.route(`/broken?run=${run}`, { status: 500 });
  const second = at('broken').retryPolicy(once).fallback(at('second').retryPolicy(once));
  const { job_id: id } = await at('broken').retryPolicy(once).fallback(second).execute();
  const job = await client.wait(id ?? '', WAIT);
  expect(job).toMatchObject({ status: 'success', result: { path: 2 } });
});

it('row 3: a FRUGAL step below a job is run here, and the server has no job of it', async () => {
  const { job_id: id } = await withHook(at('job'))
    .onSuccess(at('child').type(StepType.FRUGAL))
    .execute();
  await called('child');
  const [child] = target.requests.filter(({ path }) => path.startsWith('/child'));
  expect(child?.headers).not.toHaveProperty('x-ezthrottle-job-id');
  const page = await client.jobs.list().page();
  expect(page.jobs[0]).toMatchObject({ job_id: id });
});

it('row 4: of two steps that follow, each runs once, where its owner is, also when the delivery comes again', async () => {
  const remote = at('remote');
  await withHook(at('job').fallback(at('other').onSuccess(remote)))
    .onSuccess(at('here').type(StepType.FRUGAL).onSuccess(remote))
    .execute();
  await called('remote');
  const [delivery] = await hooks.waitFor((seen) => seen.some(({ state }) => state === 'answered'));
  if (delivery === undefined) throw new Error('no delivery');
  expect(await (await receiver.handle(requestOf(delivery))).json()).toEqual({
    status: 'duplicate',
  });
  expect(['here', 'remote', 'other'].map(calls)).toEqual([1, 1, 0]);
});

it('row 5: a delivery that overtakes the answer to its submit finds what follows', async () => {
  const late: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    await called('child');
    return response;
  };
  const step = withHook(at('job')).onSuccess(at('child').type(StepType.FRUGAL));
  expect(await step.execute(clientOf({ fetch: late }))).toMatchObject({ kind: 'submitted' });
  expect(calls('child')).toBe(1);
});

it('row 20: a step without a type is run by the server', async () => {
  const { job_id: id } = await at('untyped').execute();
  await called('untyped');
  expect(target.requests[0]?.headers['x-ezthrottle-job-id']).toBe(id);
});

it('row 24: a server that is full says when to come back, and the error has it', async () => {
  await using full = await startRealServer([], ['--memory-limit-mb', '1']);
  const { url: baseUrl, apiKey } = full;
  const own = new EZThrottle({ baseUrl, apiKey, retry: false });
  const began = Date.now();
  const error = await errorOf(() => own.submitJob({ url: target.url('/never') }));
  expect(error).toBeInstanceOf(RateLimitError);
  const at = error instanceof RateLimitError ? (error.retryAt ?? 0) : 0;
  expect(at).toBeGreaterThanOrEqual(began + 1_000);
  expect(at).toBeLessThan(began + 600_000);
});

it('row 25: a refused secret is an error, and rotating keeps the old one', async () => {
  await using other = await startRealServer([]);
  const own = new EZThrottle({ baseUrl: other.url, apiKey: other.apiKey });
  await own.rotateWebhookSecret('the second long secret');
  expect(await own.getWebhookSecret()).toMatchObject({
    primary_secret: 'the ****cret',
    has_secondary: true,
  });
  await own.deleteWebhookSecret();
  await own.rotateWebhookSecret('the third long secret');
  expect(await own.getWebhookSecret()).toMatchObject({ has_secondary: false });
  const stranger = new EZThrottle({ baseUrl: other.url, apiKey: 'not-a-key-of-this-server' });
  const error = await errorOf(() => stranger.createWebhookSecret('the fourth long secret'));
  expect(error).toMatchObject({ code: 'unauthorized', status: 401 });
});

it('row 26: queueAndWait comes back with the job when it has ended', async () => {
  const url = target.url(`/waited?run=${run}`);
  expect(await client.queueAndWait({ url, ...WAIT })).toMatchObject({
    state: 'completed',
    result: { status: 'success' },
  });
});

it('row 29: what the server signs is good for every verifier, and only as it was sent', async () => {
  await withHook(at('signed')).metadata({ note: 'ü✓' }).execute();
  const [delivery] = await hooks.waitFor(1, WAIT.timeout);
  const header = delivery?.headers['x-ezthrottle-signature'] ?? '';
  const reasonOf = (body: Uint8Array): string =>
    verifyWebhookSignature(body, header, server.signingSecret).reason;
  const bytes = delivery?.bodyBytes ?? new Uint8Array();
  expect(reasonOf(bytes)).toBe('valid');
  expect(reasonOf(bytes.slice(1))).toBe('signature_mismatch');
});

it('row 31: the key of a UNIQUE step is that of its call here and of the job that took over', async () => {
  target.route('/handed-on', [{ status: 503 }, { status: 200 }]);
  const step = new Step(client)
    .url(target.url('/handed-on'))
    .type(StepType.FRUGAL)
    .idempotentStrategy(IdempotentStrategy.UNIQUE)
    .sendIdempotencyKey();
  const result = await step.execute();
  const job = await client.wait(result.job_id ?? '', WAIT);
  const [first] = target.requests;
  expect(job.idempotent_key).toBe(first?.headers['idempotency-key']);
  expect(target.requests).toHaveLength(2);
});

it('row 32: HASH is answered with the first job, UNIQUE with a new one', async () => {
  const step = at('hashed');
  const first = await step.execute();
  expect(await step.execute()).toMatchObject({ job_id: first.job_id, duplicate: true });
  const unique = await step.idempotentStrategy(IdempotentStrategy.UNIQUE).execute();
  expect(unique).toMatchObject({ duplicate: false });
  expect(unique.job_id).not.toBe(first.job_id);
});

it('row 34: an empty list, as another SDK sends it, is as good as none', async () => {
  const submit = async (more: object): Promise<unknown> => {
    const response = await fetch(`${server.url}/api/v1/jobs`, {
      method: 'POST',
      headers: { authorization: `Bearer ${server.apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ url: target.url(`/empty?run=${run}`), ...more }),
    });
    const { job_id: id }: { job_id: unknown } = JSON.parse(await response.text());
    return [response.status, id];
  };
  const [status, id] = Object.values(Object(await submit({ webhooks: [] })));
  expect(status).toBe(201);
  expect(await submit({})).toEqual([200, id]);
});

it('row 35: jobs and deliveries say success and failed', async () => {
  const good = await withHook(at('good')).execute();
  const bad = await new Step(client)
    .url(target.url('/broken'))
    .retryPolicy(once)
    .webhooks([{ url: hooks.url('/hook') }])
    .execute();
  const ids = [good.job_id ?? '', bad.job_id ?? ''];
  const jobs = await Promise.all(ids.map((id) => client.wait(id, WAIT)));
  expect(jobs.map(({ status }) => status)).toEqual(['success', 'failed']);
  const deliveries = await hooks.waitFor(2, WAIT.timeout);
  const told = deliveries.map(({ body }): unknown => JSON.parse(body));
  expect(told).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ job_id: ids[0], status: 'success' }),
      expect.objectContaining({ job_id: ids[1], status: 'failed' }),
    ]),
  );
});
