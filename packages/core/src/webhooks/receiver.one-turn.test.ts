import { describe, expect, it, vi } from 'vitest';
import { delivery, duplicate, makeGate, open, received, settle } from './receiver.testbench.ts';
import type { SignatureScheme } from './schemes/signature-scheme.ts';

const unsigned = { allowUnsigned: true } as const;

describe('a delivery for which nothing has to be waited', () => {
  it('is checked and handled in the turn in which its bytes are handed over, without a timer', async () => {
    const ran: string[] = [];
    const after = vi.fn<() => () => void>(() => () => {});
    const { send } = open({
      after,
      on: { success: () => ran.push('success'), any: () => ran.push('any') },
    });
    const answer = send(delivery('1'));
    expect(ran).toEqual(['success', 'any']);
    expect(after).not.toHaveBeenCalled();
    expect(await answer).toMatchObject(received);
  });

  it('is done by then: its repetition in the same turn is a duplicate', async () => {
    const any = vi.fn<() => void>();
    const { send } = open({ on: { any } });
    const answers = await Promise.all([send(delivery('1')), send(delivery('1'))]);
    expect(answers).toMatchObject([received, duplicate]);
    expect(any).toHaveBeenCalledTimes(1);
  });

  it('fails as any other when its handler throws, and is handled when it comes again', async () => {
    const any = vi.fn<() => void>().mockImplementationOnce(() => {
      throw new Error('not now');
    });
    const { send, errors } = open({ on: { any } });
    expect((await send(delivery('1'))).status).toBe(500);
    expect(errors).toMatchObject([{ message: 'not now' }]);
    expect(await send(delivery('1'))).toMatchObject(received);
    expect(any).toHaveBeenCalledTimes(2);
  });
});

describe('what has to be waited for', () => {
  it('is waited for among handlers that need no waiting, in their order', async () => {
    const ran: string[] = [];
    const gate = makeGate();
    const { receiver, send } = open();
    receiver.onKey('key', () => ran.push('first'));
    receiver.on('success', async () => {
      await gate.passed;
      ran.push('second');
    });
    receiver.onAny(() => ran.push('third'));
    const answer = send(delivery('1'));
    await settle();
    expect(ran).toEqual(['first']);
    gate.open();
    expect(await answer).toMatchObject(received);
    expect(ran).toEqual(['first', 'second', 'third']);
  });

  it('may be anything with a `then`, as queries of some libraries are', async () => {
    let isDone = false;
    const query = {
      // oxlint-disable-next-line unicorn/no-thenable -- that is what such a query has
      then: (done: () => void) => {
        isDone = true;
        done();
      },
    };
    const { send } = open({ on: { any: () => query } });
    expect(await send(delivery('1'))).toMatchObject(received);
    expect(isDone).toBe(true);
  });

  it('may be a verdict on the sender, while another scheme gives its own at once', async () => {
    const scheme = (name: string, verify: SignatureScheme['verify']): SignatureScheme => ({
      name,
      findProblems: () => [],
      verify,
    });
    const later = scheme('later', async () => ({ state: 'refused', reason: 'no' }));
    const atOnce = scheme('atOnce', () => ({ state: 'valid', signedId: null }));
    for (const schemes of [
      [later, atOnce],
      [atOnce, later],
    ]) {
      const { send } = open({ schemes });
      expect(await send(delivery('1'))).toMatchObject(received);
    }
    const { send } = open({ schemes: [later] });
    expect((await send(delivery('1'))).status).toBe(401);
  });
});

describe('the signal of a handler', () => {
  it('is aborted also when it is asked for after the time is up', async () => {
    const gate = makeGate();
    let signal: AbortSignal | undefined;
    const { send, clock } = open({
      ...unsigned,
      on: {
        any: async (_, context) => {
          await gate.passed;
          signal = context.signal;
        },
      },
    });
    const answer = send(delivery('1'));
    await settle();
    clock.pass(25_000);
    expect((await answer).status).toBe(503);
    gate.open();
    await settle();
    expect(signal?.aborted).toBe(true);
    expect(signal?.reason).toMatchObject({ code: 'handler_timeout' });
  });

  it('is the same each time it is asked for', async () => {
    const signals: AbortSignal[] = [];
    const { send } = open({
      on: { any: (_, context) => void signals.push(context.signal, context.signal) },
    });
    await send(delivery('1'));
    expect(signals[0]).toBe(signals[1]);
    expect(signals[0]?.aborted).toBe(false);
  });
});
