import { describe, expect, it, vi } from 'vitest';
import type { DeliveryHandler } from './delivery-handler.ts';
import { delivery, duplicate, makeGate, open, received, settle } from './receiver.testbench.ts';

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

  it('are told how much time is left to them', async () => {
    const left: unknown[] = [];
    const gate = makeGate();
    const { send, clock } = open({
      on: {
        any: async (_delivery, { deadlineAt, remainingMs }) => {
          left.push(deadlineAt - clock.now(), remainingMs());
          await gate.passed;
          left.push(deadlineAt - clock.now(), remainingMs());
        },
      },
    });
    const answer = send(delivery('1'));
    await settle();
    clock.pass(10_000);
    gate.open();
    expect(await answer).toMatchObject(received);
    expect(left).toEqual([25_000, 25_000, 15_000, 15_000]);
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

describe('a word of the sender for what happened', () => {
  it('chooses handlers, behind those for how the job ended', async () => {
    const { receiver, send } = open();
    const ran: string[] = [];
    receiver.on('job.completed', ({ event }) => ran.push(`by event ${event}`));
    receiver.on('success', () => ran.push('by status'));
    receiver.onAny(() => ran.push('any'));
    await send(delivery('1', { event: 'job.completed', type: 'something else' }));
    await send(delivery('2', { type: 'job.completed', status: 'failed' }));
    expect(ran).toEqual([
      'by status',
      'by event job.completed',
      'any',
      'by event job.completed',
      'any',
    ]);
  });

  it('never stands for an end that the job did not have', async () => {
    const success = vi.fn<DeliveryHandler>();
    const { send } = open({ on: { success } });
    await send(delivery('1', { event: 'success', status: 'failed' }));
    expect(success).not.toHaveBeenCalled();
  });
});

describe('a delivery that nobody is there for', () => {
  it('is told of, and acknowledged', async () => {
    const onUnhandled = vi.fn<DeliveryHandler>();
    const { receiver, send } = open({ onUnhandled });
    receiver.on('failed', () => undefined);
    expect(await send(delivery('1', { tags: ['t'] }), { context: 'env' })).toMatchObject(received);
    expect(await send(delivery('1'))).toMatchObject(duplicate);
    await send(delivery('2', { status: 'failed' }));
    expect(onUnhandled).toHaveBeenCalledTimes(1);
    expect(onUnhandled.mock.calls[0]).toMatchObject([
      { deliveryId: '1', tags: ['t'] },
      { context: 'env' },
    ]);
  });

  it('is not one that was waited for, nor one that is carried on', async () => {
    const onUnhandled = vi.fn<DeliveryHandler>();
    const continuations = { run: async () => undefined };
    const { receiver, send } = open({ onUnhandled, continuations });
    const waiting = receiver.waitFor('job');
    await send(delivery('1'));
    await waiting;
    await send(delivery('2', { metadata: { _ezthrottle_continuation: 'sealed' } }));
    expect(onUnhandled).not.toHaveBeenCalled();
  });

  it('is acknowledged also when whoever is told fails, and onError hears of that', async () => {
    const failure = new Error('counter');
    const failing: readonly DeliveryHandler[] = [
      () => Promise.reject(failure),
      () => {
        throw failure;
      },
    ];
    for (const onUnhandled of failing) {
      const abouts: unknown[] = [];
      const onError = (error: unknown, about: object): unknown => abouts.push({ error, ...about });
      const { send } = open({ onUnhandled, onError });
      expect(await send(delivery('1'))).toMatchObject(received);
      await settle();
      expect(abouts).toMatchObject([{ error: failure, delivery: { deliveryId: '1' } }]);
    }
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
