import { describe, expect, it, vi } from 'vitest';
import { createReceiver } from './receiver.ts';
import {
  secret,
  ManualClock,
  open,
  signed,
  delivery,
  settle,
  makeGate,
  received,
} from './receiver.testbench.ts';

describe('a receiver', () => {
  it('names everything that is wrong with its options at once', () => {
    expect(() =>
      createReceiver({
        secrets: [secret, 'short'],
        handlerTimeoutMs: 60_000,
        leaseMs: 60_000,
        storeTimeoutMs: 60_001,
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
          expect.objectContaining({ path: 'storeTimeoutMs' }),
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
