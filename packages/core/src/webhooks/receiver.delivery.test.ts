import { describe, expect, it, vi } from 'vitest';
import type { DeliveryHandler } from './delivery-handler.ts';
import { MemoryDedupeStore } from './memory-dedupe-store.ts';
import type { ReceiverAnswer } from './receiver-answer.ts';
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
  duplicate,
} from './receiver.testbench.ts';

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
