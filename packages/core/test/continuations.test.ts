import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  createContinuationRunner,
  EZThrottle,
  Step,
  type EZThrottleOptions,
} from '@ezthrottle/core';
import {
  createReceiver,
  decodeDelivery,
  MemoryDedupeStore,
  signWebhook,
  type Delivery,
  type ReceiverOptions,
  type WorkClaim,
} from '@ezthrottle/core/webhooks';
import { jobServer, listen, submitted, type Loopback } from './loopback.ts';

const ENDPOINT = 'https://app.example/hook';
const KEY = '_ezthrottle_continuation';

let server: Loopback;
let target: Loopback;

beforeEach(async () => {
  server = await listen(jobServer());
  target = await listen(({ path }) => ({ status: Number(path.slice(1, 4)), body: {} }));
});

afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await target[Symbol.asyncDispose]();
});

function clientWith(options: EZThrottleOptions = {}): EZThrottle {
  const given = { apiKey: 'key', baseUrl: server.url, retry: false, ...options } as const;
  return new EZThrottle({ webhookSecret: 'a secret of some length', ...given });
}

const job = (path = 'job'): Step =>
  new Step()
    .url(`${target.url}/${path}`)
    .idempotentKey('k')
    .webhooks([{ url: ENDPOINT }]);
const local = (path: string): Step => new Step().url(`${target.url}/${path}`).type('frugal');
const paths = (): readonly string[] => target.seen.map(({ path }) => path);

/** Submits and gives what the job's metadata came to. */
async function metadataOf(step: Step, client = clientWith()): Promise<Record<string, unknown>> {
  await step.execute(client);
  const { metadata }: { metadata?: unknown } = submitted(server).at(-1) ?? {};
  return Object.fromEntries(Object.entries(Object(metadata)));
}

function deliveryOf(metadata: unknown, change: Record<string, unknown> = {}): Delivery {
  const payload = { job_id: 'job-1', idempotent_key: 'k', status: 'success', metadata, ...change };
  const decoded = decodeDelivery(payload);
  if (!decoded.ok) throw new Error(JSON.stringify(decoded.problems));
  return decoded.delivery;
}

/** What a receiver answers to the signed delivery of a job that brings this metadata. */
function deliver(metadata: unknown, options: Partial<ReceiverOptions>): Promise<Response> {
  const body = JSON.stringify({ delivery_id: 'd', job_id: 'job-1', status: 'success', metadata });
  const secret = 'a secret of some length';
  const timestampSeconds = Math.floor(Date.now() / 1000);
  const signature = signWebhook({ body, secret, timestampSeconds });
  const headers = { 'x-ezthrottle-signature': signature };
  const receiver = createReceiver({ secrets: secret, ...options });
  return receiver.handle(new Request(ENDPOINT, { method: 'POST', body, headers }));
}

/** Claims as a dedupe store gives them: one holder at a time, once done always done. */
class Claims {
  readonly states = new Map<string, 'in_flight' | 'done'>();
  readonly signal = new AbortController().signal;

  readonly claim = async (id: string): Promise<WorkClaim> => {
    const state = this.states.get(id);
    if (state !== undefined) return { state };
    this.states.set(id, 'in_flight');
    return {
      state: 'acquired',
      commit: async () => void this.states.set(id, 'done'),
      release: async () => void this.states.delete(id),
    };
  };
}

describe('a continuation', () => {
  it('travels sealed: the server sees neither addresses nor bodies of the steps that follow', async () => {
    const sealed = (await metadataOf(job().onSuccess(local('200-secret'))))[KEY];
    expect(sealed).toMatch(/^v1\.[\w-]{8}\.[\w-]+$/);
    expect(JSON.stringify(submitted(server))).not.toContain('200-secret');
  });

  it('keeps the user’s metadata beside it', async () => {
    const step = job().metadata({ order: 1 }).onSuccess(local('200'));
    expect(await metadataOf(step)).toEqual({ order: 1, [KEY]: expect.any(String) });
  });

  it('row 5: is run by any instance that has the key, also one that never saw the tree', async () => {
    const metadata = await metadataOf(
      job().onSuccess(local('200-next')).onFailure(local('200-sorry')),
    );
    await createContinuationRunner(clientWith()).run(deliveryOf(metadata), new Claims());
    expect(paths()).toEqual(['/200-next']);
  });

  it('picks the edge of a failure, and a fallback’s only when that fallback gave the result', async () => {
    const step = job()
      .onFailure(local('200-sorry'))
      .fallback(new Step().url('https://api.example/1').onSuccess(local('200-one')))
      .fallback(new Step().url('https://api.example/2').onSuccess(local('200-two')));
    const metadata = await metadataOf(step);
    const runner = clientWith().continuations();
    await runner.run(deliveryOf(metadata, { status: 'failed', error: 'x' }), new Claims());
    await runner.run(deliveryOf(metadata, { path: 2 }), new Claims());
    expect(paths()).toEqual(['/200-sorry', '/200-two']);
  });

  it('runs once, however often the delivery comes, and not again for a copy in another job', async () => {
    const metadata = await metadataOf(job().onSuccess(local('200')));
    const claims = new Claims();
    const runner = clientWith().continuations();
    await runner.run(deliveryOf(metadata), claims);
    await runner.run(deliveryOf(metadata), claims);
    expect(paths()).toEqual(['/200']);
    await runner.run(deliveryOf(metadata, { job_id: 'job-2' }), claims);
    expect(paths()).toEqual(['/200']);
    await runner.run(deliveryOf(await metadataOf(job().onSuccess(local('200')))), claims);
    expect(paths()).toEqual(['/200', '/200']);
  });

  it('does nothing in a job with another key, and says so', async () => {
    const metadata = await metadataOf(job().onSuccess(local('200')));
    const errors: unknown[] = [];
    const runner = clientWith().continuations({ onError: (error) => errors.push(error) });
    const planted = deliveryOf(metadata, { job_id: 'job-2', idempotent_key: 'another' });
    await runner.run(planted, new Claims());
    expect(paths()).toEqual([]);
    expect(errors).toMatchObject([{ code: 'continuation_foreign' }]);
  });

  it('follows a HASH job by the key that it gets here, the same for the same request', async () => {
    const step = (): Step =>
      new Step().url('https://api.example/hash').webhooks([{ url: ENDPOINT }]);
    const keyOf = (): unknown => submitted(server).at(-1)?.['idempotent_key'];
    const metadata = await metadataOf(step().onSuccess(local('200')));
    const key = keyOf();
    expect(key).toMatch(/^[0-9a-f]{64}$/);
    const runner = clientWith().continuations({ onError: () => undefined });
    await runner.run(deliveryOf(metadata, { idempotent_key: 'f'.repeat(64) }), new Claims());
    expect(paths()).toEqual([]);
    await runner.run(deliveryOf(metadata, { idempotent_key: key }), new Claims());
    expect(paths()).toEqual(['/200']);
    await metadataOf(step().onFailure(local('200')));
    expect(keyOf()).toBe(key);
    await metadataOf(step().method('POST').onSuccess(local('200')));
    expect(keyOf()).not.toBe(key);
  });

  it('waits while somebody else is at it', async () => {
    const metadata = await metadataOf(job().onSuccess(local('200')));
    const claims = {
      signal: new Claims().signal,
      claim: async () => ({ state: 'in_flight' as const }),
    };
    await expect(
      clientWith().continuations().run(deliveryOf(metadata), claims),
    ).rejects.toMatchObject({
      code: 'work_in_flight',
    });
    expect(paths()).toEqual([]);
  });

  it('submits what follows under a key made from the job, so that a repeat is a duplicate', async () => {
    const next = new Step().url(`${target.url}/next`);
    const metadata = await metadataOf(job().onSuccess(local('200').onSuccess(next)));
    await clientWith().continuations().run(deliveryOf(metadata), new Claims());
    await clientWith().continuations().run(deliveryOf(metadata), new Claims());
    expect(
      submitted(server)
        .slice(1)
        .map(({ idempotent_key }) => idempotent_key),
    ).toEqual(['job-1/onSuccess/onSuccess', 'job-1/onSuccess/onSuccess']);
  });

  it('carries a chain on over several jobs, each sealed when its turn comes', async () => {
    const chain = job('a').onSuccess(local('200-b').onSuccess(job('c').onSuccess(local('200-d'))));
    const first = await metadataOf(chain);
    const runner = clientWith().continuations();
    await runner.run(deliveryOf(first), new Claims());
    const second: unknown = submitted(server).at(-1)?.['metadata'];
    await runner.run(deliveryOf(second, { job_id: 'job-2' }), new Claims());
    expect(paths()).toEqual(['/200-b', '/200-d']);
  });

  it('gives its claim back when the server is away, and runs again with the next delivery', async () => {
    const metadata = await metadataOf(job().onSuccess(local('200').onSuccess(job('next'))));
    const claims = new Claims();
    const { answer } = server;
    server.answer = () => ({ status: 503, body: { error: 'unavailable' } });
    const runner = clientWith().continuations();
    await expect(runner.run(deliveryOf(metadata), claims)).rejects.toMatchObject({ status: 503 });
    expect(claims.states.size).toBe(0);
    server.answer = answer;
    await runner.run(deliveryOf(metadata), claims);
    expect([...claims.states.values()]).toEqual(['done']);
  });

  it('reports an error that no repeat would cure, and is done with it', async () => {
    const metadata = await metadataOf(job().onSuccess(local('200').onSuccess(job('next'))));
    server.answer = () => ({ status: 400, body: { error: 'validation_failed', message: 'no' } });
    const errors: unknown[] = [];
    const runner = clientWith().continuations({ onError: (error) => errors.push(error) });
    await runner.run(deliveryOf(metadata), new Claims());
    expect(errors).toMatchObject([{ code: 'validation_failed' }]);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('the hook');
      },
    ],
    [
      'rejects',
      async () => {
        throw new Error('the hook');
      },
    ],
  ])('is done also when the hook that is told of an error %s', async (_how, onChildError) => {
    const written = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const metadata = await metadataOf(job().onSuccess(local('200').onSuccess(job('next'))));
    server.answer = () => ({ status: 400, body: { error: 'validation_failed', message: 'no' } });
    const claims = new Claims();
    await clientWith({ onChildError }).continuations().run(deliveryOf(metadata), claims);
    await new Promise((resolve) => setImmediate(resolve));
    expect([...claims.states.values()]).toEqual(['done']);
    expect(written).toHaveBeenCalledWith('[ezthrottle] a callback failed:', expect.any(Error));
    written.mockRestore();
  });

  it('does nothing for a job that was cancelled, also when a server brings it along', async () => {
    const metadata = await metadataOf(job().onFailure(local('200')));
    const cancelled = deliveryOf(metadata, { status: 'failed', error: 'cancelled' });
    await clientWith().continuations().run(cancelled, new Claims());
    expect(paths()).toEqual([]);
  });

  it('does nothing without one', async () => {
    await clientWith()
      .continuations()
      .run(deliveryOf({ order: 1 }), new Claims());
    expect(paths()).toEqual([]);
  });
});

describe('a continuation whose target never answers', () => {
  beforeEach(() => {
    target.answer = () => ({ status: 200, hang: true });
  });

  it('is handed on before the time for handling is up, and never called again', async () => {
    const metadata = await metadataOf(job().onSuccess(local('hang')));
    const continuations = clientWith().continuations();
    const handled: string[] = [];
    const options = {
      continuations,
      dedupe: new MemoryDedupeStore(),
      handlerTimeoutMs: 1_000,
      on: { any: ({ jobId }: Delivery) => handled.push(jobId) },
    };
    expect((await deliver(metadata, options)).status).toBe(200);
    expect(await (await deliver(metadata, options)).json()).toEqual({ status: 'duplicate' });
    expect(paths()).toEqual(['/hang']);
    expect(handled).toEqual(['job-1']);
    expect(submitted(server).slice(1)).toEqual([
      { url: `${target.url}/hang`, method: 'GET', idempotent_key: 'job-1/onSuccess' },
    ]);
  });
});

describe('a continuation that is not ours', () => {
  async function errorsOf(
    metadata: unknown,
    client: EZThrottle,
    endpoint?: string,
  ): Promise<unknown[]> {
    const errors: unknown[] = [];
    const runner = client.continuations({
      onError: (error) => errors.push(error),
      ...(endpoint === undefined ? {} : { endpoint }),
    });
    await runner.run(deliveryOf(metadata), new Claims());
    expect(paths()).toEqual([]);
    return errors;
  }

  it('is reported and not run, whatever character of it was changed', async () => {
    const sealed = String((await metadataOf(job().onSuccess(local('200'))))[KEY]);
    for (let index = 0; index < sealed.length; index += 7) {
      const changed = sealed[index] === 'A' ? 'B' : 'A';
      const altered = sealed.slice(0, index) + changed + sealed.slice(index + 1);
      expect(await errorsOf({ [KEY]: altered }, clientWith())).toMatchObject([
        { code: 'continuation_invalid' },
      ]);
    }
  });

  it.each([
    [1],
    [''],
    ['v1.x.y'],
    ['v2.AAAAAAAA.AAAA'],
    ['v1.AAAAAAAA.'],
    [`v1.AAAAAAAA.${'A'.repeat(70_000)}`],
  ])('is reported and not run: case %#', async (sealed) => {
    expect(await errorsOf({ [KEY]: sealed }, clientWith())).toMatchObject([
      { code: 'continuation_invalid' },
    ]);
  });

  it('is not run by whoever holds only an API key', async () => {
    const metadata = await metadataOf(job().onSuccess(local('200')));
    const stranger = clientWith({ webhookSecret: 'another secret altogether' });
    expect(await errorsOf(metadata, stranger)).toMatchObject([{ code: 'continuation_invalid' }]);
  });

  it('is told to the receiver that got it when the client has nobody to tell, and is answered', async () => {
    const metadata = await metadataOf(job().onSuccess(local('200')));
    const stranger = clientWith({ webhookSecret: 'another secret altogether' });
    const errors: unknown[] = [];
    const answer = await deliver(metadata, {
      continuations: stranger.continuations(),
      onError: (error, { delivery }) => errors.push([error, delivery?.jobId]),
    });
    expect(answer.status).toBe(200);
    expect(errors).toEqual([[expect.objectContaining({ code: 'continuation_invalid' }), 'job-1']]);
    expect(paths()).toEqual([]);
  });

  it('is written to the console when there is nobody at all to tell', async () => {
    const written = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const metadata = await metadataOf(job().onSuccess(local('200')));
    const stranger = clientWith({ webhookSecret: 'another secret altogether' });
    await stranger.continuations().run(deliveryOf(metadata), new Claims());
    expect(written.mock.calls).toEqual([
      [expect.stringContaining('job-1'), expect.objectContaining({ code: 'continuation_invalid' })],
    ]);
    written.mockRestore();
  });

  it('is not run by an endpoint that it was not meant for', async () => {
    const metadata = await metadataOf(job().onSuccess(local('200')));
    expect(await errorsOf(metadata, clientWith(), 'https://other.example/hook')).toMatchObject([
      { code: 'continuation_foreign' },
    ]);
  });
});

describe('keys', () => {
  const key = (fill: number): string => Buffer.alloc(32, fill).toString('base64');

  it('can be rotated: the first seals, all open, one that was removed opens no more', async () => {
    const metadata = await metadataOf(
      job().onSuccess(local('200')),
      clientWith({ continuationKey: key(1) }),
    );
    const rotated = clientWith({ continuationKey: [key(2), new Uint8Array(32).fill(1)] });
    await rotated.continuations({ endpoint: ENDPOINT }).run(deliveryOf(metadata), new Claims());
    expect(paths()).toEqual(['/200']);
    const errors: unknown[] = [];
    const removed = clientWith({ continuationKey: key(2) });
    await removed
      .continuations({ onError: (error) => errors.push(error) })
      .run(deliveryOf(metadata), new Claims());
    expect(errors).toHaveLength(1);
  });

  it('must be 32 bytes, and a secret must not be empty', () => {
    expect(() => clientWith({ continuationKey: 'c2hvcnQ=' })).toThrow(/32 bytes/);
    expect(() => clientWith({ webhookSecret: '' })).toThrow(/empty/);
  });
});
