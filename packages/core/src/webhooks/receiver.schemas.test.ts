import { describe, expect, expectTypeOf, it, vi } from 'vitest';
import { z } from 'zod';
import type { BodyHandler } from './delivery-handler.ts';
import { delivery, duplicate, open, received } from './receiver.testbench.ts';
import type { StandardSchema } from './standard-schema.ts';

const Charge = z.object({ id: z.string(), amount: z.coerce.number() });
type Charge = z.infer<typeof Charge>;

function answered(id: string, body: unknown, change: object = {}): object {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return delivery(id, { response: { status_code: 200, headers: {}, body: text, ...change } });
}

/** Takes everything, and remembers what it was shown. */
function recording(seen: unknown[]): StandardSchema {
  const validate = (value: unknown): { value: unknown } => {
    seen.push(value);
    return { value };
  };
  return { '~standard': { version: 1, vendor: 'tests', validate } };
}

describe('a handler with a schema', () => {
  it('gets the body of the response as the schema gives it', async () => {
    const { receiver, send } = open();
    const seen: unknown[] = [];
    receiver.on('success', { schema: Charge }, ({ body, jobId }) => {
      expectTypeOf(body).toEqualTypeOf<Charge>();
      seen.push([jobId, body]);
    });
    receiver.onKey('key', { schema: Charge }, ({ body }) => seen.push(body.id));
    receiver.onTag('t', { schema: Charge }, ({ body }) => seen.push(body.amount));
    receiver.onAny({ schema: z.unknown() }, () => seen.push('any'));
    const payload = answered('1', { id: 'c', amount: '7' });
    expect(await send({ ...payload, tags: ['t'] })).toMatchObject(received);
    expect(seen).toEqual(['c', 7, ['job', { id: 'c', amount: 7 }], 'any']);
  });

  it('does not run when the body does not fit; the delivery comes again, and all that is wrong is told', async () => {
    const handler = vi.fn<BodyHandler<Charge>>();
    const { receiver, send, errors } = open();
    receiver.on('success', { schema: Charge }, handler);
    const answer = await send(answered('1', { id: 5, amount: 'much' }));
    expect(answer.status).toBe(500);
    expect(answer.body).not.toContain('amount');
    expect(handler).not.toHaveBeenCalled();
    expect(errors).toMatchObject([
      { code: 'response_body_invalid', issues: [{ path: 'id' }, { path: 'amount' }] },
    ]);
  });

  it('is passed over, and the delivery acknowledged, when that is asked for', async () => {
    const handler = vi.fn<BodyHandler<Charge>>();
    const any = vi.fn<() => void>();
    const { receiver, send, errors } = open({ on: { any } });
    receiver.on('success', { schema: Charge, onMismatch: 'skip' }, handler);
    expect(await send(answered('1', { id: 5 }))).toMatchObject(received);
    expect(await send(answered('1', { id: 5 }))).toMatchObject(duplicate);
    expect(handler).not.toHaveBeenCalled();
    expect(any).toHaveBeenCalledTimes(1);
    expect(errors).toMatchObject([{ code: 'response_body_invalid' }]);
  });

  it('that fails itself has the delivery sent again, also where a wrong body would not', async () => {
    const { receiver, send } = open();
    receiver.on('success', { schema: Charge, onMismatch: 'skip' }, () => {
      throw new Error('the database is away');
    });
    expect((await send(answered('1', { id: 'c', amount: 1 }))).status).toBe(500);
  });

  it('whose schema takes its time, or fails, is handled like any other', async () => {
    const { receiver, send, errors } = open();
    const seen: unknown[] = [];
    const slow = z.string().refine(async (text) => text !== 'bad', 'is bad');
    receiver.on('success', { schema: slow }, ({ body }) => seen.push(body));
    expect(await send(answered('1', 'good'))).toMatchObject(received);
    expect((await send(answered('2', 'bad'))).status).toBe(500);
    const broken: StandardSchema = {
      '~standard': {
        version: 1,
        vendor: 'tests',
        validate: () => {
          throw new Error('no validator');
        },
      },
    };
    receiver.on('failed', { schema: broken }, () => undefined);
    expect((await send(delivery('3', { status: 'failed' }))).status).toBe(500);
    expect(seen).toEqual(['good']);
    expect(errors).toMatchObject([
      { issues: [{ path: '', message: 'is bad' }] },
      { message: 'no validator' },
    ]);
  });

  it('is shown what JSON stands for, text, bytes, or nothing, as the response came', async () => {
    const seen: unknown[] = [];
    const { receiver, send } = open();
    receiver.onAny({ schema: recording(seen) }, () => undefined);
    const typed = (type: string): object => ({ headers: { 'Content-Type': type } });
    await send(answered('1', '{"a":1}', typed('application/json; charset=utf-8')));
    await send(answered('2', '{"a":1}', typed('application/problem+json')));
    await send(answered('3', '{"a":1}', typed('text/plain')));
    await send(answered('4', '{"a":'));
    await send(answered('5', 'AP8=', { body_encoding: 'base64' }));
    await send(delivery('6'));
    expect(seen).toEqual([
      { a: 1 },
      { a: 1 },
      '{"a":1}',
      '{"a":',
      new Uint8Array([0, 255]),
      undefined,
    ]);
  });

  it('never runs on a response that was cut', async () => {
    const seen: unknown[] = [];
    const { receiver, send, errors } = open();
    receiver.onAny({ schema: recording(seen) }, () => undefined);
    expect((await send(answered('1', '12', { truncated: true }))).status).toBe(500);
    expect(seen).toEqual([]);
    expect(errors).toMatchObject([{ code: 'response_body_invalid' }]);
  });

  it('can be taken away again, and runs once under several names', async () => {
    const handler = vi.fn<BodyHandler<unknown>>();
    const { receiver, send } = open();
    const options = { schema: z.unknown() };
    const remove = receiver.onKey('key', options, handler);
    receiver.on('success', options, handler);
    await send(delivery('1'));
    expect(handler).toHaveBeenCalledTimes(1);
    remove();
    await send(delivery('2'));
    expect(handler).toHaveBeenCalledTimes(2);
  });
});
