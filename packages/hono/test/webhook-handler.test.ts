import { gzipSync } from 'node:zlib';
import { createReceiver, MemoryDedupeStore, type DeliveryHandler } from '@ezthrottle/core/webhooks';
import { deliveryText, SECRET, signedHeaders } from '@ezthrottle/testkit/adapter-suite';
import { Hono } from 'hono';
import { describe, expect, it, vi } from 'vitest';
import { ezthrottle } from '../src/index.ts';

interface WorkerEnv {
  readonly Bindings: { readonly WEBHOOK_SECRET: string };
}

const env = { WEBHOOK_SECRET: SECRET };

/** A delivery, as `app.request` takes it. */
function signed(body: string): RequestInit {
  return { method: 'POST', body, headers: signedHeaders(body) };
}

describe('the handler for Hono', () => {
  it('gets its secrets from the environment of the request', async () => {
    const app = new Hono<WorkerEnv>().post(
      '/hook',
      ezthrottle<WorkerEnv>({ secrets: async (context) => context.env.WEBHOOK_SECRET }),
    );
    const statuses = [
      await app.request('/hook', signed(deliveryText('1')), env),
      await app.request('/hook', signed(deliveryText('2')), {
        WEBHOOK_SECRET: 'quite another one',
      }),
    ].map(({ status }) => status);
    expect(statuses).toEqual([200, 401]);
  });

  it('makes a receiver for each request, which remembers in a store outside it', async () => {
    const any = vi.fn<DeliveryHandler>();
    const dedupe = new MemoryDedupeStore();
    const app = new Hono<WorkerEnv>().post(
      '/hook',
      ezthrottle<WorkerEnv>((context) => ({
        secrets: context.env.WEBHOOK_SECRET,
        dedupe,
        on: { any },
      })),
    );
    const first = await app.request('/hook', signed(deliveryText('1')), env);
    expect(await first.json()).toEqual({ status: 'received' });
    const again = await app.request('/hook', signed(deliveryText('1')), env);
    expect(await again.json()).toEqual({ status: 'duplicate' });
    expect(any).toHaveBeenCalledOnce();
  });

  it('takes a receiver that is there, and gives its handlers Hono’s context', async () => {
    const receiver = createReceiver({ secrets: SECRET });
    const paths: unknown[] = [];
    receiver.onAny((_delivery, { context }) => {
      if (typeof context === 'object' && context !== null && 'req' in context) {
        paths.push(Object(context.req).path);
      }
    });
    const app = new Hono().post('/hook/:tenant', ezthrottle(receiver));
    await app.request('/hook/acme', signed(deliveryText('1')));
    expect(paths).toEqual(['/hook/acme']);
  });

  it('keeps the headers that middleware has set before it', async () => {
    const app = new Hono();
    app.use(async (context, next) => {
      context.header('x-request-id', '17');
      await next();
    });
    app.post('/hook', ezthrottle({ secrets: SECRET }));
    const answer = await app.request('/hook', signed(deliveryText('1')));
    expect(answer.headers.get('x-request-id')).toBe('17');
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
  });

  it.each(['arrayBuffer', 'text'] as const)(
    'undoes the compression of what c.req.%s() has read, or names it as the mistake',
    async (method) => {
      const errors: unknown[] = [];
      const app = new Hono();
      app.use(async ({ req }, next) => {
        await req[method]();
        await next();
      });
      const onError = (error: unknown): unknown => errors.push(error);
      app.post('/hook', ezthrottle({ secrets: SECRET, onError }));
      const body = deliveryText('1');
      const answer = await app.request('/hook', {
        method: 'POST',
        body: gzipSync(body),
        headers: { ...signedHeaders(body), 'content-encoding': 'gzip' },
      });
      expect(answer.status).toBe(method === 'text' ? 500 : 200);
      if (method === 'text') expect(errors).toMatchObject([{ code: 'body_already_parsed' }]);
    },
  );

  it.each([
    ['a byte order mark', Buffer.from('\uFEFF{}')],
    ['bytes that are no text', Buffer.from([0x7b, 0xff, 0x7d])],
  ])('names c.req.text() as the mistake when it has lost %s', async (_what, body) => {
    const errors: unknown[] = [];
    const app = new Hono();
    app.use(async ({ req }, next) => {
      await req.text();
      await next();
    });
    const onError = (error: unknown): unknown => errors.push(error);
    app.post('/hook', ezthrottle({ secrets: SECRET, onError }));
    const headers = { ...signedHeaders(body), 'content-length': String(body.byteLength) };
    const answer = await app.request('/hook', { method: 'POST', body, headers });
    expect(answer.status).toBe(500);
    expect(errors).toMatchObject([{ message: expect.stringContaining('c.req.text()') }]);
  });

  it('takes a delivery that holds a replacement character after c.req.json(), if it was sent so', async () => {
    const errors: unknown[] = [];
    const app = new Hono();
    app.use(async ({ req }, next) => {
      await req.json().catch(() => undefined);
      await next();
    });
    const onError = (error: unknown): unknown => errors.push(error);
    app.post('/hook', ezthrottle({ secrets: SECRET, onError }));
    const genuine = deliveryText('1', { note: 'what a decoder wrote: \uFFFD' });
    expect((await app.request('/hook', signed(genuine))).status).toBe(200);
    expect(errors).toEqual([]);
    // Three bytes that are no character, in the place of three that are one.
    const at = Buffer.from(genuine).indexOf('\uFFFD');
    const lost = Buffer.from(genuine);
    lost.set([0xf0, 0x9f, 0x92], at);
    const headers = { ...signedHeaders(lost), 'content-length': String(lost.byteLength) };
    const answer = await app.request('/hook', { method: 'POST', body: lost, headers });
    expect(answer.status).toBe(500);
    expect(errors).toMatchObject([{ code: 'body_already_parsed' }]);
  });

  it('answers a receiver per request that cannot be made as any mistake here, and tells onError', async () => {
    const errors: unknown[] = [];
    const onError = (error: unknown): unknown => errors.push(error);
    const dedupe = new MemoryDedupeStore();
    const app = new Hono<WorkerEnv>();
    app.onError((error, context) => context.text(`leaked: ${error.message}`, 500));
    app.post(
      '/hook',
      ezthrottle<WorkerEnv>(({ env: { WEBHOOK_SECRET: secrets } }) => ({
        secrets,
        dedupe,
        onError,
      })),
    );
    app.post(
      '/thrown',
      ezthrottle(() => {
        throw new Error('no binding');
      }),
    );
    const written = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    for (const path of ['/hook', '/thrown']) {
      const answer = await app.request(path, signed(deliveryText('1')), {});
      expect(answer.status).toBe(500);
      expect(await answer.json()).toEqual({ error: 'internal_error', message: expect.any(String) });
    }
    expect(errors).toMatchObject([{ code: 'receiver_configuration' }]);
    expect(written.mock.calls).toMatchObject([[expect.any(String), { message: 'no binding' }]]);
    written.mockRestore();
  });

  it('hands what it has begun to the host, which would end it with the request', async () => {
    const kept: Promise<unknown>[] = [];
    const host = {
      waitUntil: (work: Promise<unknown>) => void kept.push(work),
      passThroughOnException: () => undefined,
      props: {},
    };
    let end = (): void => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const dedupe = new MemoryDedupeStore();
    const any = vi.fn<DeliveryHandler>(() => ended);
    const app = new Hono<WorkerEnv>().post(
      '/hook',
      ezthrottle<WorkerEnv>({
        secrets: SECRET,
        dedupe,
        handlerTimeoutMs: 20,
        onError: () => {},
        on: { any },
      }),
    );
    const late = await app.request('/hook', signed(deliveryText('1')), env, host);
    expect(late.status).toBe(503);
    end();
    await Promise.all(kept);
    expect(kept).toHaveLength(1);
    expect((await app.request('/hook', signed(deliveryText('1')), env, host)).status).toBe(200);
    expect(any).toHaveBeenCalledTimes(2);
  });

  it('refuses options that cannot work when the application starts', () => {
    expect(() => ezthrottle({ secrets: 'too short' })).toThrow(/at least 16 characters/);
  });
});
