import { describe, expect, it, vi } from 'vitest';
import type { ContinuationRunner } from './continuation-runner.ts';
import { WorkInFlightError } from './errors.ts';
import type { DeliveryHandler } from './delivery-handler.ts';
import { open, delivery, settle, makeGate, received, duplicate } from './receiver.testbench.ts';

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
