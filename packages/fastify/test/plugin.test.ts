import { createReceiver, type DeliveryHandler } from '@ezthrottle/core/webhooks';
import {
  deliver,
  deliveryText,
  SECRET,
  signedHeaders,
  type SigningOptions,
} from '@ezthrottle/testkit/adapter-suite';
import { fastify, type FastifyInstance } from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';
import { ezthrottle } from '../src/index.ts';

const JSON_TYPE = 'application/json';

const running: FastifyInstance[] = [];

function createApp(): FastifyInstance {
  const app = fastify({ forceCloseConnections: 'idle' });
  running.push(app);
  return app;
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((app) => app.close()));
});

interface Injected {
  readonly status: number;
  readonly body: unknown;
}

async function inject(
  app: FastifyInstance,
  url: string,
  options: SigningOptions & { readonly text?: string } = {},
): Promise<Injected> {
  const payload = options.text ?? deliveryText('1');
  const headers = signedHeaders(payload, options);
  const answer = await app.inject({ method: 'POST', url, payload, headers });
  return { status: answer.statusCode, body: answer.json() };
}

// What every adapter promises stands in the suite of all adapters; here is what is Fastify's own.
describe('the Fastify plugin', () => {
  it('works with app.inject(), without a socket', async () => {
    const app = createApp().register(ezthrottle, { path: '/hook', secrets: SECRET });
    expect(await inject(app, '/hook')).toEqual({ status: 200, body: { status: 'received' } });
    expect(await inject(app, '/hook')).toEqual({ status: 200, body: { status: 'duplicate' } });
    expect((await inject(app, '/hook', { secret: 'another altogether' })).status).toBe(401);
  });

  it('stands at its prefix when it is given no path', async () => {
    const app = createApp().register(ezthrottle, { prefix: '/hooks', secrets: SECRET });
    expect((await inject(app, '/hooks')).status).toBe(200);
  });

  it('may be registered several times, each with secrets of its own', async () => {
    const app = createApp()
      .register(ezthrottle, { path: '/one', secrets: SECRET })
      .register(ezthrottle, { path: '/two', secrets: 'the secret of the other' });
    expect((await inject(app, '/one')).status).toBe(200);
    expect((await inject(app, '/two')).status).toBe(401);
  });

  it('takes bodies up to maxBodyBytes, whatever the bodyLimit of the application', async () => {
    const app = fastify({ bodyLimit: 100 });
    running.push(app);
    app.register(ezthrottle, { path: '/hook', secrets: SECRET, maxBodyBytes: 1_000 });
    const text = (length: number): string => deliveryText('1', { note: 'x'.repeat(length) });
    expect((await inject(app, '/hook', { text: text(500) })).status).toBe(200);
    expect(await inject(app, '/hook', { text: text(2_000) })).toMatchObject({
      status: 413,
      body: { error: 'payload_too_large' },
    });
  });

  it('leaves the parsers of other routes alone, even when somebody undoes its scope', async () => {
    const app = createApp();
    app.addContentTypeParser('application/custom', { parseAs: 'string' }, (_request, text, done) =>
      done(null, { custom: text }),
    );
    const unscoped: typeof ezthrottle = (instance, options) => ezthrottle(instance, options);
    Object.assign(unscoped, { [Symbol.for('skip-override')]: true });
    app.register(unscoped, { path: '/hook', secrets: SECRET });
    app.post('/echo', async (request) => request.body);
    const echo = async (contentType: string, payload: string): Promise<unknown> => {
      const headers = { 'content-type': contentType };
      return (await app.inject({ method: 'POST', url: '/echo', payload, headers })).json();
    };
    expect((await inject(app, '/hook')).status).toBe(200);
    expect(await echo(JSON_TYPE, '{"a":1}')).toEqual({ a: 1 });
    expect(await echo('application/custom', 'b')).toEqual({ custom: 'b' });
  });

  it('lets the hooks of the application see the request and the answer', async () => {
    const app = createApp();
    const seen: unknown[] = [];
    app.addHook('preHandler', async (request, reply) => {
      if (request.headers['x-tenant'] === undefined) await reply.code(403).send({ error: 'who?' });
    });
    app.addHook('onSend', async (_request, reply, payload) => {
      seen.push([reply.statusCode, payload]);
      return payload;
    });
    app.register(ezthrottle, { path: '/hook', secrets: SECRET });
    expect((await inject(app, '/hook')).status).toBe(403);
    const payload = deliveryText('1');
    const headers = { ...signedHeaders(payload), 'x-tenant': 'acme' };
    const answer = await app.inject({ method: 'POST', url: '/hook', payload, headers });
    expect(answer.statusCode).toBe(200);
    expect(seen).toEqual([
      [403, '{"error":"who?"}'],
      [200, '{"status":"received"}'],
    ]);
  });

  it('hands the Fastify request to handlers', async () => {
    const paths: unknown[] = [];
    const any: DeliveryHandler = (_delivery, { context }) => {
      if (typeof context === 'object' && context !== null && 'params' in context) {
        paths.push(context.params);
      }
    };
    const app = createApp().register(ezthrottle, {
      path: '/hook/:tenant',
      secrets: SECRET,
      on: { any },
    });
    await inject(app, '/hook/acme');
    expect(paths).toEqual([{ tenant: 'acme' }]);
  });

  it.each(['json', 'application', '', ' ', 'application/json; ;', ';'])(
    'takes a delivery whose content type nobody can read, and shows it to hooks and handlers: %j',
    async (type) => {
      const seen: unknown[] = [];
      const app = createApp();
      for (const hook of ['onRequest', 'preValidation', 'preHandler'] as const) {
        app.addHook(hook, async ({ headers }) => {
          seen.push(headers['content-type']);
        });
      }
      app.register(ezthrottle, { path: '/hook', secrets: SECRET });
      const url = `${await app.listen({ host: '127.0.0.1', port: 0 })}/hook`;
      const answer = await deliver(url, deliveryText('1'), { contentType: type });
      expect(answer.status).toBe(200);
      expect(new Set(seen)).toEqual(new Set([type.trim()]));
      expect((await deliver(url, '', { contentType: type })).status).toBe(400);
      expect(seen).toHaveLength(6);
    },
  );

  it('refuses options that cannot work when the application starts', async () => {
    const app = createApp().register(ezthrottle, { secrets: 'too short' });
    await expect(app.ready()).rejects.toThrow(/at least 16 characters/);
  });

  it('closes after what runs is answered', async () => {
    let open = (): void => {};
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    let arrive = (): void => {};
    const arrived = new Promise<void>((resolve) => {
      arrive = resolve;
    });
    const any: DeliveryHandler = () => {
      arrive();
      return opened;
    };
    const app = createApp().register(ezthrottle, { path: '/hook', secrets: SECRET, on: { any } });
    const url = `${await app.listen({ host: '127.0.0.1', port: 0 })}/hook`;
    const answer = deliver(url, deliveryText('1'));
    await arrived;
    const closed = app.close();
    open();
    expect((await answer).status).toBe(200);
    await closed;
  });

  it('leaves a receiver that was handed in open for its other routes', async () => {
    const receiver = createReceiver({ secrets: SECRET });
    const first = createApp().register(ezthrottle, { path: '/hook', receiver });
    const second = createApp().register(ezthrottle, { path: '/hook', receiver });
    expect((await inject(first, '/hook')).body).toEqual({ status: 'received' });
    await first.close();
    expect((await inject(second, '/hook')).body).toEqual({ status: 'duplicate' });
  });
});
