import { describe, expect, it } from 'vitest';
import { delivery, makeGate, open, received, settle } from './receiver.testbench.ts';

describe('waiting for a job', () => {
  it('ends with its delivery, by its id and by its key', async () => {
    const { receiver, send, clock } = open();
    const byId = receiver.waitFor('job');
    const byKey = receiver.waitFor({ key: 'key' });
    const other = receiver.waitFor('other', { timeoutMs: 1_000 });
    expect(await send(delivery('1'))).toMatchObject(received);
    expect(await byId).toMatchObject({ deliveryId: '1', status: 'success' });
    expect(await byKey).toMatchObject({ deliveryId: '1' });
    clock.pass(1_000);
    await expect(other).rejects.toMatchObject({ code: 'delivery_timeout', retryable: true });
    expect(clock.waiting).toBe(0);
  });

  it('ends with a delivery whose handlers fail', async () => {
    const { receiver, send } = open({ on: { any: () => Promise.reject(new Error('no')) } });
    const waiting = receiver.waitFor('job');
    expect((await send(delivery('1'))).status).toBe(500);
    expect(await waiting).toMatchObject({ deliveryId: '1' });
  });

  it('does not wait for handlers that take long', async () => {
    const gate = makeGate();
    const { receiver, send } = open({ on: { any: () => gate.passed } });
    const waiting = receiver.waitFor('job');
    const answer = send(delivery('1'));
    expect(await waiting).toMatchObject({ deliveryId: '1' });
    gate.open();
    expect(await answer).toMatchObject(received);
  });

  it('ends with a delivery that was handled before, here or elsewhere', async () => {
    const { receiver, send } = open();
    await send(delivery('1'));
    const waiting = receiver.waitFor('job');
    await send(delivery('1'));
    expect(await waiting).toMatchObject({ deliveryId: '1' });
  });

  it('is not ended by a forgery', async () => {
    const { receiver, send, clock } = open();
    const waiting = receiver.waitFor('job');
    await send(delivery('1', { status: 'failed' }), { header: () => null });
    await send(delivery('2'));
    expect(await waiting).toMatchObject({ deliveryId: '2', status: 'success' });
    expect(clock.waiting).toBe(0);
  });

  it('does not show what travels with the metadata', async () => {
    const { receiver, send } = open();
    const waiting = receiver.waitFor('job');
    await send(delivery('1', { metadata: { _ezthrottle_continuation: 'sealed', mine: 1 } }));
    expect((await waiting).metadata).toEqual({ mine: 1 });
  });

  it('can be given up by a signal', async () => {
    const { receiver, clock } = open();
    const caller = new AbortController();
    const waiting = receiver.waitFor('job', { signal: caller.signal });
    const reason = new Error('the page was left');
    caller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    await expect(receiver.waitFor('job', { signal: caller.signal })).rejects.toBe(reason);
    expect(clock.waiting).toBe(0);
  });

  it('is refused to more than so many at once', async () => {
    const { receiver, send } = open({ maxWaiters: 2 });
    const waiting = [receiver.waitFor('job'), receiver.waitFor('job')];
    await expect(receiver.waitFor('job')).rejects.toMatchObject({ code: 'too_many_waiters' });
    await send(delivery('1'));
    await Promise.all(waiting);
    const later = receiver.waitFor('job');
    await send(delivery('2'));
    expect(await later).toMatchObject({ deliveryId: '2' });
  });

  it('ends with an error when the receiver is closed, after what still ran', async () => {
    const { receiver, send } = open();
    const waiting = receiver.waitFor('job');
    const late = receiver.waitFor('other');
    const answer = send(delivery('1'));
    const closing = receiver.close();
    const lost = late.catch((error: unknown) => error);
    expect(await waiting).toMatchObject({ deliveryId: '1' });
    expect(await answer).toMatchObject(received);
    await closing;
    expect(await lost).toMatchObject({ code: 'receiver_closed' });
    await expect(receiver.waitFor('job')).rejects.toMatchObject({ code: 'receiver_closed' });
  });

  it.each([0, -1, Number.NaN, 3e9])('is not begun with %d milliseconds', async (timeoutMs) => {
    const { receiver, clock } = open();
    await expect(receiver.waitFor('job', { timeoutMs })).rejects.toThrow(RangeError);
    await settle();
    expect(clock.waiting).toBe(0);
  });
});
