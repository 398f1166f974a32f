import { describe, expect, it, vi } from 'vitest';
import { signWebhook } from '../protocol/sign-webhook.ts';
import type { ContinuationRunner } from './continuation-runner.ts';
import type { DedupeStore } from './dedupe-store.ts';
import { WorkInFlightError } from './errors.ts';
import type { DeliveryHandler } from './delivery-handler.ts';
import { MemoryDedupeStore } from './memory-dedupe-store.ts';
import type { ReceiverAnswer } from './receiver-answer.ts';
import type { ReceiverOptions } from './receiver-options.ts';
import type { ReceiverRequest } from './receiver-request.ts';
import { createReceiver, type Receiver } from './receiver.ts';

const secret = 'the secret of these tests';

/** A clock that moves when it is told to. */
class ManualClock {
  #time = 1_763_674_210_000;
  readonly #timers = new Map<() => void, number>();

  readonly now = (): number => this.#time;

  readonly after = (delayMs: number, callback: () => void): (() => void) => {
    this.#timers.set(callback, this.#time + delayMs);
    return () => this.#timers.delete(callback);
  };

  get waiting(): number {
    return this.#timers.size;
  }

  pass(ms: number): void {
    this.#time += ms;
    for (const [callback, dueAt] of this.#timers) {
      if (dueAt > this.#time) continue;
      this.#timers.delete(callback);
      callback();
    }
  }
}

interface Bench {
  readonly receiver: Receiver;
  readonly clock: ManualClock;
  readonly errors: unknown[];
  readonly refusals: string[];
  readonly send: (payload: object, change?: Partial<ReceiverRequest>) => Promise<ReceiverAnswer>;
}

function open(options: Partial<ReceiverOptions> = {}): Bench {
  const clock = new ManualClock();
  const errors: unknown[] = [];
  const refusals: string[] = [];
  const receiver = createReceiver({
    secrets: secret,
    now: clock.now,
    after: clock.after,
    onError: (error) => errors.push(error),
    onRefused: ({ code }) => refusals.push(code),
    ...options,
  });
  const send: Bench['send'] = (payload, change = {}) => {
    const body = new TextEncoder().encode(JSON.stringify(payload));
    return receiver.receive({ method: 'POST', body, header: signed(body, clock), ...change });
  };
  return { receiver, clock, errors, refusals, send };
}

function signed(body: Uint8Array, clock: ManualClock, key = secret): ReceiverRequest['header'] {
  const timestampSeconds = Math.floor(clock.now() / 1000);
  const value = signWebhook({ body, secret: key, timestampSeconds });
  return (name) => (name.toLowerCase() === 'x-ezthrottle-signature' ? value : null);
}

function delivery(id: string, rest: object = {}): object {
  return { delivery_id: id, job_id: 'job', idempotent_key: 'key', status: 'success', ...rest };
}

/** Lets promises settle that wait on nothing but each other. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Something that handlers wait for until the test opens it. */
function makeGate(): { passed: Promise<void>; open: () => void } {
  let open = (): void => {};
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open: () => open() };
}

const received = { status: 200, body: '{"status":"received"}' };
const duplicate = { status: 200, body: '{"status":"duplicate"}' };

describe('a delivery', () => {
  it('is handled and acknowledged', async () => {
    const { receiver, send, clock } = open();
    const handled: unknown[] = [];
    receiver.on('success', ({ jobId, idempotentKey }) => handled.push({ jobId, idempotentKey }));
    expect(await send(delivery('1'))).toMatchObject(received);
    expect(handled).toEqual([{ jobId: 'job', idempotentKey: 'key' }]);
    expect(clock.waiting).toBe(0);
  });

  it('is acknowledged, and remembered, when nobody wants it', async () => {
    const { send } = open();
    expect(await send(delivery('1'))).toMatchObject(received);
    expect(await send(delivery('1'))).toMatchObject(duplicate);
  });

  it('is not handled twice when it comes again, also under a fresh signature', async () => {
    const any = vi.fn<DeliveryHandler>();
    const { send, clock } = open({ on: { any } });
    expect(await send(delivery('1', { attempt: 1 }))).toMatchObject(received);
    clock.pass(60_000);
    expect(await send(delivery('1', { attempt: 2 }))).toMatchObject(duplicate);
    expect(any).toHaveBeenCalledTimes(1);
  });

  it('is known by the id inside the signed body, not by a header', async () => {
    const any = vi.fn<DeliveryHandler>();
    const { send, clock } = open({ on: { any } });
    for (const header of ['x', 'y']) {
      const body = new TextEncoder().encode(JSON.stringify(delivery('1')));
      const signature = signed(body, clock);
      await send(delivery('1'), {
        header: (name) => (name === 'X-EZThrottle-Delivery' ? header : signature(name)),
      });
    }
    expect(any).toHaveBeenCalledTimes(1);
  });

  it('without an id is known by its job and how that ended', async () => {
    const any = vi.fn<DeliveryHandler>();
    const { send } = open({ on: { any } });
    expect(await send({ job_id: 'a', status: 'completed' })).toMatchObject(received);
    expect(await send({ job_id: 'a', status: 'success' })).toMatchObject(duplicate);
    expect(await send({ job_id: 'a', status: 'failed' })).toMatchObject(received);
    expect(await send({ job_id: 'b', status: 'success' })).toMatchObject(received);
    expect(any).toHaveBeenCalledTimes(3);
  });

  it('is forgotten after a week, or when the application says so', async () => {
    const { send, clock } = open();
    await send(delivery('1'));
    clock.pass(604_799_000);
    expect(await send(delivery('1'))).toMatchObject(duplicate);
    clock.pass(2_000);
    expect(await send(delivery('1'))).toMatchObject(received);
  });

  it('is accepted under either secret during a rotation', async () => {
    const older = 'the secret before this one';
    const { send, clock } = open({ secrets: [secret, older] });
    const body = new TextEncoder().encode(JSON.stringify(delivery('old')));
    expect(await send(delivery('old'), { header: signed(body, clock, older) })).toMatchObject(
      received,
    );
    expect(await send(delivery('new'))).toMatchObject(received);
  });

  it('may bring a body that is read only when it is wanted', async () => {
    const { send, clock } = open();
    const body = new TextEncoder().encode(JSON.stringify(delivery('1')));
    const limits: number[] = [];
    const read = async (limit: number): Promise<Uint8Array> => {
      limits.push(limit);
      return body;
    };
    expect(await send({}, { method: 'GET', body: read })).toMatchObject({ status: 405 });
    expect(limits).toEqual([]);
    expect(await send({}, { body: read, header: signed(body, clock) })).toMatchObject(received);
    expect(limits).toEqual([8_388_608]);
  });
});

describe('handlers', () => {
  it('are chosen by key, by tag, by status, and for any, in this order', async () => {
    const { receiver, send } = open();
    const ran: string[] = [];
    receiver.onAny(() => ran.push('any'));
    receiver.on('success', () => ran.push('success'));
    receiver.on('failed', () => ran.push('failed'));
    receiver.onTag('billing', () => ran.push('billing'));
    receiver.onTag('mail', () => ran.push('mail'));
    receiver.onKey('key', () => ran.push('key'));
    receiver.onKey('other', () => ran.push('other'));
    await send(delivery('1', { tags: ['billing', 'unheard of'] }));
    expect(ran).toEqual(['key', 'billing', 'success', 'any']);
    ran.length = 0;
    await send(delivery('2', { status: 'failed', idempotent_key: null }));
    expect(ran).toEqual(['failed', 'any']);
  });

  it('run once for a delivery, however often they were registered', async () => {
    const handler = vi.fn<DeliveryHandler>();
    const { receiver, send } = open({ on: { success: handler, any: handler } });
    receiver.onKey('key', handler);
    await send(delivery('1', { tags: ['a', 'a'] }));
    expect(handler).toHaveBeenCalledTimes(1);
  });

  it('can be taken away again', async () => {
    const first = vi.fn<DeliveryHandler>();
    const second = vi.fn<DeliveryHandler>();
    const { receiver, send } = open();
    const remove = receiver.onKey('key', first);
    receiver.onKey('key', second);
    remove();
    remove();
    await send(delivery('1'));
    expect(first).not.toHaveBeenCalled();
    expect(second).toHaveBeenCalledTimes(1);
  });

  it('get what the adapter passed along', async () => {
    const contexts: unknown[] = [];
    const { send } = open({ on: { any: (_delivery, { context }) => contexts.push(context) } });
    await send(delivery('1'), { context: { env: 'staging' } });
    expect(contexts).toEqual([{ env: 'staging' }]);
  });

  it('that fail have the delivery sent again, and then run again', async () => {
    const failure = new Error('the database is away');
    let fails = true;
    const { send, errors } = open({
      on: {
        success: () => {
          if (fails) throw failure;
        },
      },
    });
    const answer = await send(delivery('1'));
    expect(answer.status).toBe(500);
    expect(answer.body).not.toContain('database');
    expect(errors).toEqual([failure]);
    fails = false;
    expect(await send(delivery('1'))).toMatchObject(received);
    expect(await send(delivery('1'))).toMatchObject(duplicate);
  });

  it('do not keep the others from running when one fails', async () => {
    const second = vi.fn<DeliveryHandler>();
    const { receiver, send, errors } = open();
    receiver.on('success', () => Promise.reject(new Error('first')));
    receiver.on('success', second);
    receiver.onAny(() => {
      throw new Error('third');
    });
    expect((await send(delivery('1'))).status).toBe(500);
    expect(second).toHaveBeenCalledTimes(1);
    expect(errors).toMatchObject([
      { code: 'handlers_failed', errors: [{ message: 'first' }, { message: 'third' }] },
    ]);
  });
});

describe('a delivery that comes while it is being handled', () => {
  it('is told to come later, and never acknowledged before the first is done', async () => {
    const gate = makeGate();
    const any = vi.fn<DeliveryHandler>(() => gate.passed);
    const { send } = open({ on: { any } });
    const first = send(delivery('1'));
    await settle();
    const second = await send(delivery('1'));
    expect(second).toMatchObject({ status: 409, headers: { 'retry-after': '5' } });
    gate.open();
    expect(await first).toMatchObject(received);
    expect(await send(delivery('1'))).toMatchObject(duplicate);
    expect(any).toHaveBeenCalledTimes(1);
  });

  it('is handled when the first process dies, once its lease has ended', async () => {
    const clock = new ManualClock();
    const dedupe = new MemoryDedupeStore({ now: clock.now });
    await dedupe.begin('delivery:1', { leaseMs: 60_000, token: 'of a process that died' });
    const receiver = createReceiver({ secrets: secret, dedupe, now: clock.now });
    const body = new TextEncoder().encode(JSON.stringify(delivery('1')));
    const send = (): Promise<ReceiverAnswer> =>
      receiver.receive({ method: 'POST', body, header: signed(body, clock) });
    expect((await send()).status).toBe(409);
    clock.pass(60_001);
    expect(await send()).toMatchObject(received);
  });
});

describe('handlers that take too long', () => {
  it('see their signal, and the delivery comes again once they have stopped', async () => {
    const reasons: unknown[] = [];
    let runs = 0;
    const gate = makeGate();
    const { send, clock, errors } = open({
      on: {
        any: async (_delivery, { signal }) => {
          runs += 1;
          if (runs > 1) return;
          signal.addEventListener('abort', () => reasons.push(signal.reason));
          await gate.passed;
        },
      },
    });
    const first = send(delivery('1'));
    await settle();
    clock.pass(25_000);
    expect(await first).toMatchObject({ status: 503, headers: { 'retry-after': '5' } });
    expect(errors).toMatchObject([{ code: 'handler_timeout' }]);
    expect(reasons).toEqual(errors);

    expect((await send(delivery('1'))).status).toBe(409);
    gate.open();
    await settle();
    expect(await send(delivery('1'))).toMatchObject(received);
    expect(runs).toBe(2);
    expect(errors).toHaveLength(1);
  });

  it('are stopped by the caller of receive as well', async () => {
    const caller = new AbortController();
    const { send, errors } = open({
      on: {
        any: (_delivery, { signal }) =>
          new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => reject(signal.reason));
          }),
      },
    });
    const answer = send(delivery('1'), { signal: caller.signal });
    await settle();
    caller.abort(new Error('shutting down'));
    expect((await answer).status).toBe(503);
    await settle();
    expect(errors).toMatchObject([
      { code: 'receive_aborted', cause: { message: 'shutting down' } },
    ]);
  });

  it('have later handlers of the same delivery not started any more', async () => {
    const gate = makeGate();
    const later = vi.fn<DeliveryHandler>();
    const { receiver, send, clock } = open();
    receiver.on('success', () => gate.passed);
    receiver.onAny(later);
    const first = send(delivery('1'));
    await settle();
    clock.pass(25_000);
    await first;
    gate.open();
    await settle();
    expect(later).not.toHaveBeenCalled();
  });
});

describe('what is not a genuine delivery', () => {
  it.each(['GET', 'PUT', 'HEAD', 'OPTIONS'])('%s is answered with 405', async (method) => {
    const { send } = open();
    expect(await send(delivery('1'), { method })).toMatchObject({
      status: 405,
      headers: { allow: 'POST' },
    });
  });

  it('is answered with 401 and handled by nobody when its signature is wrong', async () => {
    const any = vi.fn<DeliveryHandler>();
    const { send, clock, errors, refusals } = open({ on: { any } });
    const other = new TextEncoder().encode('{}');
    const forged = await send(delivery('1'), { header: signed(other, clock) });
    expect(forged.status).toBe(401);
    expect(forged.body).toContain('signature_mismatch');
    expect((await send(delivery('1'), { header: () => null })).body).toContain(
      'no_signature_header',
    );
    expect(any).not.toHaveBeenCalled();
    expect(errors).toEqual([]);
    expect(refusals).toEqual(['unauthorized', 'unauthorized']);
    expect(await send(delivery('1'))).toMatchObject(received);
  });

  it('is answered with 401 when it is replayed after the tolerance', async () => {
    const { send, clock } = open();
    const body = new TextEncoder().encode(JSON.stringify(delivery('1')));
    const header = signed(body, clock);
    clock.pass(301_000);
    expect((await send(delivery('1'), { header })).body).toContain(
      'timestamp_expired (diff=301s, tolerance=300s)',
    );
  });

  it('is answered with 413 before its signature is looked at', async () => {
    const { send } = open({ maxBodyBytes: 10 });
    expect(await send(delivery('1'), { header: () => null })).toMatchObject({ status: 413 });
  });

  it.each([
    ['not JSON', new TextEncoder().encode('<xml/>'), 'invalid_json'],
    ['empty', new Uint8Array(), 'invalid_json'],
    ['not UTF-8', new Uint8Array([0x22, 0xff, 0x22]), 'invalid_json'],
    ['no delivery', new TextEncoder().encode('{"hello":1}'), 'validation_failed'],
  ])('is answered with 400 when it is %s', async (_what, body, error) => {
    const { send, clock } = open();
    const answer = await send({}, { body, header: signed(body, clock) });
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body)).toMatchObject({ error });
  });

  it('is told what was missing', async () => {
    const { send } = open();
    expect(JSON.parse((await send({ job_id: 'j' })).body)).toEqual({
      error: 'validation_failed',
      message: 'The body is not a delivery.',
      problems: [
        {
          path: 'status',
          message: 'is missing',
          expected: '"success" or "failed" or "completed"',
        },
      ],
    });
  });
});

describe('a dedupe store in trouble', () => {
  function storeWith(change: Partial<DedupeStore>): DedupeStore {
    const store = new MemoryDedupeStore();
    return {
      begin: (id, lease) => store.begin(id, lease),
      commit: (id, token, ttlMs) => store.commit(id, token, ttlMs),
      release: (id, token) => store.release(id, token),
      ...change,
    };
  }
  const away = (): Promise<never> => Promise.reject(new Error('redis://user:pass@host is away'));

  it('has deliveries sent again rather than handled unguarded', async () => {
    const any = vi.fn<DeliveryHandler>();
    const { send, errors } = open({ dedupe: storeWith({ begin: away }), on: { any } });
    const answer = await send(delivery('1'));
    expect(answer.status).toBe(503);
    expect(answer.body).not.toContain('redis');
    expect(any).not.toHaveBeenCalled();
    expect(errors).toHaveLength(1);
  });

  it('has a delivery sent again whose commit did not come through', async () => {
    const { send, errors } = open({ dedupe: storeWith({ commit: away }) });
    expect((await send(delivery('1'))).status).toBe(500);
    expect((await send(delivery('1'))).status).toBe(500);
    expect(errors).toHaveLength(2);
  });

  it('has a delivery sent again whose claim was lost to another', async () => {
    const { send, errors } = open({ dedupe: storeWith({ commit: async () => false }) });
    expect((await send(delivery('1'))).status).toBe(500);
    expect(errors).toMatchObject([{ code: 'lease_lost' }]);
  });

  it('that cannot take a claim back is told of, beside the failure itself', async () => {
    const { send, errors } = open({
      dedupe: storeWith({ release: away }),
      on: { any: () => Promise.reject(new Error('handler')) },
    });
    expect((await send(delivery('1'))).status).toBe(500);
    expect(errors.map(String)).toEqual([
      expect.stringContaining('is away'),
      expect.stringContaining('handler'),
    ]);
    expect((await send(delivery('1'))).status).toBe(409);
  });
});

describe('a continuation', () => {
  const sealed = { metadata: { _ezthrottle_continuation: 'v1.key.sealed', mine: 1 } };

  it('is carried on beside the handlers, which do not see it', async () => {
    const seen: unknown[] = [];
    const gate = makeGate();
    const continuations: ContinuationRunner = {
      run: ({ metadata }) => {
        seen.push(metadata);
        return gate.passed;
      },
    };
    const any: DeliveryHandler = ({ metadata }) => {
      seen.push(metadata);
      gate.open();
    };
    const { send } = open({ continuations, on: { any } });
    expect(await send(delivery('1', sealed))).toMatchObject(received);
    expect(seen).toHaveLength(2);
    expect(seen).toEqual(expect.arrayContaining([sealed.metadata, { mine: 1 }]));
  });

  it('is told how much of the time for handling is left', async () => {
    const left: unknown[] = [];
    const gate = makeGate();
    const continuations: ContinuationRunner = {
      run: async (_delivery, { remainingMs }) => {
        left.push(remainingMs?.());
        await gate.passed;
        left.push(remainingMs?.());
      },
    };
    const { send, clock } = open({ continuations });
    const answer = send(delivery('1', sealed));
    await settle();
    clock.pass(24_000);
    gate.open();
    expect(await answer).toMatchObject(received);
    expect(left).toEqual([25_000, 1_000]);
  });

  it('runs once per job and path, also when the job comes under several delivery ids', async () => {
    const run = vi.fn<(path: number | undefined) => void>();
    const continuations: ContinuationRunner = {
      run: async ({ jobId, path }, { claim }) => {
        const work = await claim(`${jobId}/${path}`);
        if (work.state === 'in_flight') throw new WorkInFlightError(jobId);
        if (work.state === 'done') return;
        run(path);
        await work.commit();
      },
    };
    const { send } = open({ continuations });
    expect(await send(delivery('1', { path: 0 }))).toMatchObject(received);
    expect(await send(delivery('2', { path: 0 }))).toMatchObject(received);
    expect(await send(delivery('3', { path: 1 }))).toMatchObject(received);
    expect(run.mock.calls).toEqual([[0], [1]]);
  });

  it('that fails has the delivery sent again, and handlers that were through do not run again', async () => {
    let fails = true;
    const any = vi.fn<DeliveryHandler>();
    const continuations: ContinuationRunner = {
      run: async (_delivery, { claim }) => {
        const work = await claim('x');
        if (work.state !== 'acquired') throw new Error(`the claim is ${work.state}`);
        await work.release();
        if (fails) throw new Error('the next step could not be submitted');
      },
    };
    const { send, errors } = open({ continuations, on: { any } });
    expect((await send(delivery('1', sealed))).status).toBe(500);
    expect((await send(delivery('1', sealed))).status).toBe(500);
    expect(errors).toHaveLength(2);
    fails = false;
    expect(await send(delivery('1', sealed))).toMatchObject(received);
    expect(await send(delivery('1', sealed))).toMatchObject(duplicate);
    expect(any).toHaveBeenCalledTimes(1);
  });

  it('that hangs keeps no delivery from the handlers', async () => {
    const any = vi.fn<DeliveryHandler>();
    const hanging: ContinuationRunner = {
      run: (_delivery, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason));
        }),
    };
    const { send, clock, errors } = open({ continuations: hanging, on: { any } });
    for (const attempt of [1, 2]) {
      const answer = send(delivery('1', { ...sealed, attempt }));
      await settle();
      clock.pass(25_000);
      expect((await answer).status).toBe(503);
      await settle();
    }
    expect(any).toHaveBeenCalledTimes(1);
    expect(errors).toMatchObject([{ code: 'handler_timeout' }, { code: 'handler_timeout' }]);
  });

  it('whose runner throws at once has the delivery sent again', async () => {
    const continuations: ContinuationRunner = {
      run: () => {
        throw new Error('at once');
      },
    };
    const { send, errors } = open({ continuations });
    expect((await send(delivery('1', sealed))).status).toBe(500);
    expect(errors.map(String)).toEqual(['Error: at once']);
  });

  it('goes on when a handler fails, and both failures are told', async () => {
    const ran = vi.fn<() => void>();
    const continuations: ContinuationRunner = {
      run: async () => {
        ran();
        throw new Error('continuation');
      },
    };
    const any = (): Promise<never> => Promise.reject(new Error('handler'));
    const { send, errors } = open({ continuations, on: { any } });
    expect((await send(delivery('1', sealed))).status).toBe(500);
    expect(ran).toHaveBeenCalledTimes(1);
    expect(errors.map(String)).toEqual(['Error: handler', 'Error: continuation']);
  });

  it('that runs elsewhere has the delivery told to come later', async () => {
    const continuations: ContinuationRunner = {
      run: async () => {
        throw new WorkInFlightError('job/0');
      },
    };
    const { send, errors } = open({ continuations });
    expect(await send(delivery('1'))).toMatchObject({
      status: 409,
      headers: { 'retry-after': '5' },
    });
    expect(errors).toEqual([]);
  });
});

describe('a receiver', () => {
  it('names everything that is wrong with its options at once', () => {
    expect(() =>
      createReceiver({
        secrets: [secret, 'short'],
        handlerTimeoutMs: 60_000,
        leaseMs: 60_000,
        toleranceSeconds: Number.NaN,
        maxBodyBytes: 0,
      }),
    ).toThrow(
      expect.objectContaining({
        code: 'receiver_configuration',
        problems: [
          expect.objectContaining({ path: 'secrets[1]' }),
          expect.objectContaining({ path: 'toleranceSeconds' }),
          expect.objectContaining({ path: 'maxBodyBytes' }),
          expect.objectContaining({ path: 'leaseMs' }),
        ],
      }),
    );
  });

  it('is not made with handlers and callbacks that would never run, and names each', () => {
    const options: Record<string, unknown> = {
      secrets: secret,
      on: { any: 5, succes: () => undefined },
      onError: 'log',
      continuations: { start: () => undefined },
    };
    const paths = ['onError', 'continuations', 'on.any', 'on.succes'];
    expect(() => Reflect.apply(createReceiver, null, [options])).toThrow(
      expect.objectContaining({
        code: 'receiver_configuration',
        problems: paths.map((path) => expect.objectContaining({ path })),
      }),
    );
  });

  it('answers with 500, and tells why, when its secrets cannot be had', async () => {
    const { send, errors } = open({ secrets: () => Promise.reject(new Error('vault sealed')) });
    const answer = await send(delivery('1'));
    expect(answer.status).toBe(500);
    expect(answer.body).not.toContain('vault');
    expect(errors).toMatchObject([{ message: 'vault sealed' }]);
  });

  it('writes to the console what failed when nobody else is told', async () => {
    const written = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const clock = new ManualClock();
    const failure = new Error('nobody listens');
    const receiver = createReceiver({
      secrets: secret,
      now: clock.now,
      on: { any: () => Promise.reject(failure) },
    });
    const body = new TextEncoder().encode(JSON.stringify(delivery('1')));
    await receiver.receive({ method: 'POST', body, header: signed(body, clock) });
    expect(written.mock.calls).toEqual([['[ezthrottle] webhook of job job not handled:', failure]]);
    written.mockRestore();
  });

  it('answers the same when a callback for errors fails itself', async () => {
    const written = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const { send } = open({
      on: { any: () => Promise.reject(new Error('handler')) },
      onError: () => Promise.reject(new Error('logger')),
      onRefused: () => {
        throw new Error('counter');
      },
    });
    expect((await send(delivery('1'))).status).toBe(500);
    await settle();
    expect(written).toHaveBeenCalledTimes(2);
    written.mockRestore();
  });

  it('that is closed waits for what runs and takes nothing more', async () => {
    const gate = makeGate();
    const { receiver, send } = open({ on: { any: () => gate.passed } });
    const first = send(delivery('1'));
    await settle();
    let isClosed = false;
    const closed = receiver.close().then(() => {
      isClosed = true;
    });
    expect((await send(delivery('2'))).status).toBe(503);
    expect(isClosed).toBe(false);
    gate.open();
    await closed;
    expect(await first).toMatchObject(received);
  });
});

describe('a standard Request', () => {
  function request(clock: ManualClock, body: string | ReadableStream, bytes: Uint8Array): Request {
    const header = signed(bytes, clock)('x-ezthrottle-signature') ?? '';
    const headers = { 'x-ezthrottle-signature': header };
    return new Request('http://app/hook', { method: 'POST', body, headers, duplex: 'half' });
  }
  const bytes = new TextEncoder().encode(JSON.stringify(delivery('1')));

  it('is answered with a Response', async () => {
    const { receiver, clock } = open();
    const response = await receiver.handle(request(clock, JSON.stringify(delivery('1')), bytes));
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch(/^application\/json/);
    expect(await response.json()).toEqual({ status: 'received' });
  });

  it('may come in small pieces', async () => {
    const { receiver, clock } = open();
    const stream = new ReadableStream({
      start(controller) {
        for (const byte of bytes) controller.enqueue(new Uint8Array([byte]));
        controller.close();
      },
    });
    expect((await receiver.handle(request(clock, stream, bytes))).status).toBe(200);
  });

  it('is read no further than the limit, and its stream let go', async () => {
    const { receiver, clock } = open({ maxBodyBytes: 1_000 });
    let pulled = 0;
    let isCancelled = false;
    const stream = new ReadableStream({
      pull(controller) {
        pulled += 1;
        controller.enqueue(new Uint8Array(400));
      },
      cancel() {
        isCancelled = true;
      },
    });
    expect((await receiver.handle(request(clock, stream, bytes))).status).toBe(413);
    expect(pulled).toBeLessThan(6);
    expect(isCancelled).toBe(true);
  });

  it('that something else has read is a mistake of the application, not of the sender', async () => {
    const { receiver, clock, errors } = open();
    const used = request(clock, JSON.stringify(delivery('1')), bytes);
    await used.text();
    expect((await receiver.handle(used)).status).toBe(500);
    expect(errors).toMatchObject([{ code: 'body_already_parsed' }]);
  });

  it('whose connection breaks is answered with 400', async () => {
    const { receiver, clock } = open();
    const stream = new ReadableStream({
      pull(controller) {
        controller.error(new Error('reset'));
      },
    });
    expect((await receiver.handle(request(clock, stream, bytes))).status).toBe(400);
  });

  it('without a body is answered, not crashed on', async () => {
    const { receiver } = open();
    const empty = new Request('http://app/hook', { method: 'POST' });
    expect((await receiver.handle(empty)).status).toBe(401);
  });
});
