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

  it('refuses options that cannot work when the application starts', () => {
    expect(() => ezthrottle({ secrets: 'too short' })).toThrow(/at least 16 characters/);
  });
});
