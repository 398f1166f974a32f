import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { createUpstream, type Upstream } from '@ezthrottle/testkit';
import { EZThrottle, Step, StepType } from '@ezthrottle/core';
import { signWebhook } from '@ezthrottle/core/webhooks';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { jobServer, listen, submitted, type Loopback, type Reply, type Seen } from './loopback.ts';
import type { ReceiveTask } from './processes/receive.ts';
import type { SubmitTask } from './processes/submit-and-exit.ts';
import { startRealServer, type RealServer } from './real-server.ts';
import { startProgram, type SourceProgram } from './source-program.ts';

const LEASE_MS = 3_000;
const METADATA_KEY = '_ezthrottle_continuation';
const continuationKey = randomBytes(32).toString('base64');

interface Receiver {
  readonly url: string;
  readonly program: SourceProgram;
}

let server: RealServer;
let target: Upstream;
let bystander: Upstream;
/** The application's public address: leads to the receiver that is up, if there is one. */
let gateway: Loopback;
let answers: { readonly status: number; readonly text: string }[];
let receivers: Receiver[];

beforeAll(async () => {
  [target, bystander] = await Promise.all([createUpstream(), createUpstream()]);
  server = await startRealServer([target.origin], ['--delivery-delays', '0s,150ms']);
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await Promise.all([target.close(), bystander.close()]);
});

async function openGateway(): Promise<void> {
  target.clear();
  bystander.clear();
  [receivers, answers] = [[], []];
  gateway = await listen(passOn);
}

async function closeGateway(): Promise<void> {
  await Promise.all(receivers.map(({ program }) => program.kill()));
  await gateway[Symbol.asyncDispose]();
}

async function passOn({ text, headers }: Seen): Promise<Reply> {
  const { url } = receivers.at(-1) ?? {};
  if (url === undefined) return { status: 502 };
  try {
    const signature = String(headers['x-ezthrottle-signature']);
    const answer = await post(url, text, signature);
    answers.push(answer);
    return { status: answer.status, body: answer.text };
  } catch {
    return { status: 502 };
  }
}

async function post(
  url: string,
  body: string,
  signature: string,
): Promise<{ readonly status: number; readonly text: string }> {
  const headers = { 'x-ezthrottle-signature': signature };
  const response = await fetch(url, { method: 'POST', body, headers });
  return { status: response.status, text: await response.text() };
}

/** Submits in a process of its own; gives the job's id when that process is gone. */
async function submitElsewhere(): Promise<unknown> {
  const task: SubmitTask = {
    serverUrl: server.url,
    apiKey: server.apiKey,
    continuationKey,
    endpoint: gateway.url,
    others: [bystander.origin],
    targetUrl: target.origin,
  };
  await using program = await startProgram(
    join(import.meta.dirname, 'processes/submit-and-exit.ts'),
    [JSON.stringify(task)],
    server.folder,
  );
  expect(await program.ended).toBe(0);
  return program.facts['job_id'];
}

/** From now on, deliveries arrive at this new process. */
async function startReceiver(manner: ReceiveTask['manner'] = 'good'): Promise<Receiver> {
  const task: ReceiveTask = {
    webhookSecret: server.signingSecret,
    continuationKey,
    endpoint: gateway.url,
    server: { baseUrl: server.url, apiKey: server.apiKey },
    dedupeFile: join(server.folder, 'dedupe.db'),
    leaseMs: LEASE_MS,
    manner,
  };
  const file = join(import.meta.dirname, 'processes/receive.ts');
  const program = await startProgram(file, [JSON.stringify(task)], server.folder);
  const receiver = { program, url: `http://127.0.0.1:${String(program.facts['port'])}/` };
  receivers.push(receiver);
  return receiver;
}

async function handledBy({ url }: Receiver): Promise<unknown> {
  const { handled }: { handled: unknown } = JSON.parse(await (await fetch(url)).text());
  return handled;
}

const calls = (path: string): number => target.requests.filter((one) => one.path === path).length;
const called = (path: string, times = 1): Promise<unknown> =>
  target.waitFor((requests) => requests.filter((one) => one.path === path).length >= times, 20_000);
const accepted = (): Promise<boolean> =>
  vi.waitUntil(() => answers.at(-1)?.status === 200, { timeout: 20_000 });

describe('a job that one process has submitted', () => {
  beforeEach(openGateway);
  afterEach(closeGateway);

  test('is carried on by another, started when the first was gone', async () => {
    let end = (): void => undefined;
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    target.route('/job', () => ended.then(() => ({ status: 200 })));
    const job = await submitElsewhere();
    const receiver = await startReceiver();
    expect([calls('/after'), gateway.seen]).toEqual([0, []]);
    end();
    await called('/next');
    await accepted();
    expect([calls('/job'), calls('/after'), calls('/next')]).toEqual([1, 1, 1]);
    expect(await handledBy(receiver)).toEqual([job]);
    const [other] = await bystander.waitFor(1);
    expect(other?.body).not.toContain(METADATA_KEY);
    expect(gateway.seen[0]?.text).toContain(METADATA_KEY);
    expect(gateway.seen[0]?.text).not.toContain('/after');
  });

  test('is carried on once, though a receiver that answered 500 and was killed had begun', async () => {
    const refusing = await startReceiver('refusing');
    const job = await submitElsewhere();
    await expect.poll(() => answers[0]?.status, { timeout: 20_000 }).toBe(500);
    await refusing.program.kill();
    const receiver = await startReceiver();
    await accepted();
    await called('/next');
    expect([calls('/after'), calls('/next')]).toEqual([1, 1]);
    expect(await handledBy(receiver)).toEqual([job]);
  });

  test('is carried on again by a second when the first was killed before its commit, and what follows is one job', async () => {
    const stalling = await startReceiver('stalling');
    const job = await submitElsewhere();
    await called('/next');
    await stalling.program.kill();
    const receiver = await startReceiver();
    await called('/after', 2);
    await accepted();
    expect(answers.map(({ text }) => text).at(-1)).toBe('{"status":"received"}');
    expect([calls('/after'), calls('/next')]).toEqual([2, 1]);
    const client = new EZThrottle({ baseUrl: server.url, apiKey: server.apiKey });
    const keys: unknown[] = [];
    for await (const { url, idempotent_key: key } of client.jobs.list()) {
      if (url === target.url('/next')) keys.push(key);
    }
    expect(keys.filter((key) => String(key).startsWith(String(job)))).toHaveLength(1);
    // The handler had been through in the first, and is not run again for the step's sake.
    expect(await handledBy(receiver)).toEqual([]);
  });
});

describe('what is not the continuation of a job, or has been carried on', () => {
  let receiver: Receiver;
  let genuine: { readonly body: string; readonly signature: string };

  beforeAll(async () => {
    await openGateway();
    receiver = await startReceiver();
    await submitElsewhere();
    await called('/next');
    await accepted();
    const [seen] = gateway.seen;
    const signature = String(seen?.headers['x-ezthrottle-signature']);
    genuine = { body: seen?.text ?? '', signature };
  });

  afterAll(closeGateway);

  beforeEach(() => target.clear());

  /** The genuine delivery under another name and with another continuation, signed by the server's secret. */
  async function deliver(sealed: unknown): Promise<unknown> {
    const delivery: object = JSON.parse(genuine.body);
    const delivery_id = `delivery-${randomBytes(4).toString('hex')}`;
    const metadata = { [METADATA_KEY]: sealed };
    const body = JSON.stringify({ ...delivery, delivery_id, job_id: delivery_id, metadata });
    const timestampSeconds = Math.floor(Date.now() / 1_000);
    const signature = signWebhook({ body, secret: server.signingSecret, timestampSeconds });
    return post(receiver.url, body, signature);
  }

  /** What a submitter with this key seals for this endpoint, to follow a job like the genuine one. */
  async function sealedBy(key: string, endpoint: string): Promise<unknown> {
    const { idempotent_key: jobKey }: { idempotent_key: string } = JSON.parse(genuine.body);
    await using stub = await listen(jobServer());
    const client = new EZThrottle({ baseUrl: stub.url, apiKey: 'key', continuationKey: key });
    await new Step(client)
      .url(target.url('/job'))
      .idempotentKey(jobKey)
      .webhooks([{ url: endpoint }])
      .onSuccess(new Step().url(target.url('/after')).type(StepType.FRUGAL))
      .execute();
    return continuationOf(submitted(stub)[0]);
  }

  function continuationOf(job: { readonly metadata?: unknown } | undefined): unknown {
    return { ...Object(job?.metadata) }[METADATA_KEY];
  }

  const RECEIVED = { status: 200, text: '{"status":"received"}' };

  test('a replay of the delivery is a duplicate', async () => {
    const answer = await post(receiver.url, genuine.body, genuine.signature);
    expect(answer).toEqual({ status: 200, text: '{"status":"duplicate"}' });
    expect([calls('/after'), calls('/next')]).toEqual([0, 0]);
  });

  test('a copy in another job’s delivery does nothing, and the delivery is accepted', async () => {
    expect(await deliver(continuationOf(JSON.parse(genuine.body)))).toEqual(RECEIVED);
    expect([calls('/after'), calls('/next')]).toEqual([0, 0]);
  });

  test('one that is planted, altered or meant for another endpoint does nothing, and the delivery is accepted', async () => {
    const planted = await sealedBy(randomBytes(32).toString('base64'), gateway.url);
    const foreign = await sealedBy(continuationKey, 'https://elsewhere.example/hook');
    const own = String(await sealedBy(continuationKey, gateway.url));
    const altered = own.slice(0, -5) + (own.at(-5) === 'A' ? 'B' : 'A') + own.slice(-4);
    for (const sealed of [planted, foreign, altered]) {
      expect(await deliver(sealed)).toEqual(RECEIVED);
    }
    expect(calls('/after')).toBe(0);
    expect(await deliver(own)).toEqual(RECEIVED);
    expect(calls('/after')).toBe(1);
  });

  test('a delivery that was altered on its way is refused', async () => {
    const own = String(await sealedBy(continuationKey, gateway.url));
    const metadata = { [METADATA_KEY]: own };
    const body = JSON.stringify({ ...Object(JSON.parse(genuine.body)), metadata });
    const answer = await post(receiver.url, body, genuine.signature);
    expect(answer).toMatchObject({ status: 401, text: expect.stringContaining('unauthorized') });
    expect(calls('/after')).toBe(0);
  });
});
