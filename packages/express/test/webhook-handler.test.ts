import { Agent, request as httpRequest } from 'node:http';
import {
  createReceiver,
  type DeliveryHandler,
  type ReceiverOptions,
} from '@ezthrottle/core/webhooks';
import express5, { type Application, type ErrorRequestHandler } from 'express';
import express4 from 'express4';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ezthrottle } from '../src/index.ts';
import { delivery, listen, secret, send, type ReceivingApp } from './receiving-app.ts';

const running: ReceivingApp[] = [];

async function run(app: Application): Promise<string> {
  const listening = await listen(app);
  running.push(listening);
  return listening.url;
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((app) => app.close()));
});

/** A gate that handlers wait at, and how many have come to it. */
function makeGate(): { handler: DeliveryHandler; arrived: Promise<void>; open: () => void } {
  let open = (): void => {};
  let arrive = (): void => {};
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  const arrived = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  const handler = (): Promise<void> => {
    arrive();
    return passed;
  };
  return { handler, arrived, open: () => open() };
}

describe.each([
  ['4', express4],
  ['5', express5],
])('on Express %s', (_version, express) => {
  /** An application with one webhook, and all that went wrong in it. */
  async function withHook(
    options: Partial<ReceiverOptions> = {},
    prepare: (app: Application) => void = () => {},
  ): Promise<{ url: string; errors: unknown[] }> {
    const errors: unknown[] = [];
    const app = express();
    prepare(app);
    const onError = (error: unknown): unknown => errors.push(error);
    app.post('/hook', ezthrottle({ secrets: secret, onError, ...options }));
    return { url: `${await run(app)}/hook`, errors };
  }

  it('a delivery is handled without any body parser', async () => {
    const success = vi.fn<DeliveryHandler>();
    const { url } = await withHook({ on: { success } });
    const answer = await send(url, delivery('1', 'héllo ✓'));
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ status: 'received' });
    expect(success.mock.calls[0]?.[0]).toMatchObject({
      deliveryId: '1',
      jobId: 'job',
      raw: { note: 'héllo ✓' },
    });
  });

  it('the handler may be mounted under a prefix, and in a router', async () => {
    const receiver = createReceiver({ secrets: secret });
    const router = express.Router();
    router.use('/hook', ezthrottle(receiver));
    const app = express();
    app.use('/v1', router);
    const url = await run(app);
    expect((await send(`${url}/v1/hook`, delivery('1'))).status).toBe(200);
    expect((await fetch(`${url}/v1/hook`)).status).toBe(405);
  });

  it('other routes keep their JSON parser', async () => {
    const app = express();
    app.post('/hook', ezthrottle({ secrets: secret }));
    app.use(express.json());
    app.post('/orders', (request, response) => {
      response.json(request.body);
    });
    const url = await run(app);
    expect((await send(`${url}/hook`, delivery('1'))).status).toBe(200);
    expect(await (await send(`${url}/orders`, '{"a":1}')).json()).toEqual({ a: 1 });
  });

  it('express.json() before it is named as the mistake, with the way out, and never as a forgery', async () => {
    const any = vi.fn<DeliveryHandler>();
    const { url, errors } = await withHook({ on: { any } }, (app) => app.use(express.json()));
    const answer = await send(url, delivery('1'));
    expect(answer.status).toBe(500);
    expect(await answer.json()).toMatchObject({ error: 'internal_error' });
    expect(errors).toMatchObject([
      {
        code: 'body_already_parsed',
        message: expect.stringMatching(/express\.json\(\).*before app\.use\(express\.json\(\)\)/s),
      },
    ]);
    expect(any).not.toHaveBeenCalled();
  });

  it('express.text() and express.urlencoded() before it are named as well', async () => {
    const { url, errors } = await withHook({}, (app) => {
      app.use(express.text(), express.urlencoded({ extended: false }));
    });
    expect((await send(url, delivery('1'), { type: 'text/plain' })).status).toBe(500);
    const form = 'application/x-www-form-urlencoded';
    expect((await send(url, delivery('1'), { type: form })).status).toBe(500);
    expect(errors.map(String)).toEqual([
      expect.stringContaining('express.text()'),
      expect.stringContaining('express.urlencoded()'),
    ]);
  });

  it('a parser that let the body pass does no harm', async () => {
    const { url } = await withHook({}, (app) => app.use(express.json()));
    expect((await send(url, delivery('1'), { type: 'text/plain' })).status).toBe(200);
  });

  it('express.raw({ type: () => true }) before it works', async () => {
    const { url } = await withHook({}, (app) => app.use(express.raw({ type: () => true })));
    expect((await send(url, delivery('1'))).status).toBe(200);
    expect((await send(url, delivery('2'), { type: 'text/plain' })).status).toBe(200);
  });

  it('express.json() works when it keeps the bytes as rawBody', async () => {
    const { url } = await withHook({}, (app) => {
      app.use(
        express.json({
          verify: (request, _response, bytes) => {
            Object.assign(request, { rawBody: bytes });
          },
        }),
      );
    });
    const answer = await send(url, delivery('1'));
    expect(await answer.json()).toEqual({ status: 'received' });
  });

  it('a replay is acknowledged as a duplicate and not handled again', async () => {
    const any = vi.fn<DeliveryHandler>();
    const { url } = await withHook({ on: { any } });
    await send(url, delivery('1'));
    const again = await send(url, delivery('1'));
    expect(again.status).toBe(200);
    expect(await again.json()).toEqual({ status: 'duplicate' });
    expect(any).toHaveBeenCalledTimes(1);
  });

  it('a forged or unsigned delivery is refused', async () => {
    const any = vi.fn<DeliveryHandler>();
    const { url, errors } = await withHook({ on: { any } });
    expect((await send(url, delivery('1'), { key: 'another secret altogether' })).status).toBe(401);
    expect((await send(url, delivery('1'), { signature: '' })).status).toBe(401);
    expect(any).not.toHaveBeenCalled();
    expect(errors).toEqual([]);
  });

  it('any method but POST is refused', async () => {
    const app = express();
    app.use('/hook', ezthrottle({ secrets: secret }));
    const answer = await fetch(`${await run(app)}/hook`);
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe('POST');
  });

  it('a body that says it is too large is refused', async () => {
    const { url } = await withHook({ maxBodyBytes: 1_000 });
    expect((await send(url, delivery('1', 'x'.repeat(100_000)))).status).toBe(413);
    expect((await send(url, delivery('1'))).status).toBe(200);
  });

  it('a body that turns out too large is refused, and the connection stays good', async () => {
    const { url } = await withHook({ maxBodyBytes: 1_000 });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const post = (chunks: readonly Buffer[]): Promise<{ status: unknown; port: unknown }> =>
      new Promise((resolve, reject) => {
        const sending = httpRequest(url, { method: 'POST', agent }, (answer) => {
          const port = answer.socket.localPort;
          answer.resume().once('end', () => resolve({ status: answer.statusCode, port }));
        });
        sending.once('error', reject);
        for (const chunk of chunks) sending.write(chunk);
        sending.end();
      });
    const first = await post(Array.from({ length: 100 }, () => Buffer.alloc(1_000, 'x')));
    const second = await post([Buffer.from('{}')]);
    agent.destroy();
    expect(first.status).toBe(413);
    expect(second).toEqual({ status: 401, port: first.port });
  });

  it('a large body that a parser has kept is held to the same limit', async () => {
    const { url } = await withHook({ maxBodyBytes: 1_000 }, (app) => {
      app.use(express.raw({ type: () => true, limit: '1mb' }));
    });
    expect((await send(url, delivery('1', 'x'.repeat(2_000)))).status).toBe(413);
  });

  it('a handler that fails has the delivery sent again, and runs again', async () => {
    let fails = true;
    const any = vi.fn<DeliveryHandler>(async () => {
      if (fails) throw new Error('the database is away');
    });
    const { url, errors } = await withHook({ on: { any } });
    const answer = await send(url, delivery('1'));
    expect(answer.status).toBe(500);
    expect(await answer.text()).not.toContain('database');
    expect(errors.map(String)).toEqual(['Error: the database is away']);
    fails = false;
    expect(await (await send(url, delivery('1'))).json()).toEqual({ status: 'received' });
    expect(any).toHaveBeenCalledTimes(2);
  });

  it('a delivery that arrives again while it is handled is put off', async () => {
    const gate = makeGate();
    const { url } = await withHook({ on: { any: gate.handler } });
    const first = send(url, delivery('1'));
    await gate.arrived;
    const others = await Promise.all([1, 2, 3, 4].map(() => send(url, delivery('1'))));
    expect(others.map(({ status }) => status)).toEqual([409, 409, 409, 409]);
    expect(others[0]?.headers.get('retry-after')).toBe('5');
    gate.open();
    expect((await first).status).toBe(200);
  });

  it('a handler that takes too long is answered for, and is told to stop', async () => {
    let ringDeadline = (): void => {};
    const gate = makeGate();
    let signal: AbortSignal | undefined;
    const { url, errors } = await withHook({
      after: (_delayMs, callback) => {
        ringDeadline = callback;
        return () => {};
      },
      on: {
        any: (received, context) => {
          signal = context.signal;
          return gate.handler(received, context);
        },
      },
    });
    const first = send(url, delivery('1'));
    await gate.arrived;
    ringDeadline();
    expect((await first).status).toBe(503);
    expect(signal?.aborted).toBe(true);
    expect(errors).toMatchObject([{ code: 'handler_timeout' }]);
    gate.open();
  });

  it('both secrets are good during a rotation', async () => {
    const older = 'the secret before this one';
    const { url } = await withHook({ secrets: [secret, older] });
    expect((await send(url, delivery('1'))).status).toBe(200);
    expect((await send(url, delivery('2'), { key: older })).status).toBe(200);
  });

  it('handlers see the Express request', async () => {
    const paths: unknown[] = [];
    const app = express();
    const any: DeliveryHandler = (_delivery, { context }) => {
      if (typeof context === 'object' && context !== null && 'originalUrl' in context) {
        paths.push(context.originalUrl);
      }
    };
    app.post('/hook/:tenant', ezthrottle({ secrets: secret, on: { any } }));
    await send(`${await run(app)}/hook/acme`, delivery('1'));
    expect(paths).toEqual(['/hook/acme']);
  });

  it('an error of the receiver itself goes to Express', async () => {
    const failure = new Error('a receiver of the application’s own');
    const broken = {
      ...createReceiver({ secrets: secret }),
      receive: () => Promise.reject(failure),
    };
    const passedOn: unknown[] = [];
    const app = express();
    const onError: ErrorRequestHandler = (error, _request, response, _next) => {
      passedOn.push(error);
      response.status(500).end();
    };
    app.post(
      '/hook',
      ezthrottle(Object.assign(createReceiver({ secrets: secret }), broken)),
      onError,
    );
    expect((await send(`${await run(app)}/hook`, delivery('1'))).status).toBe(500);
    expect(passedOn).toEqual([failure]);
  });

  it('options that cannot work are refused when the application starts', () => {
    expect(() => ezthrottle({ secrets: 'too short' })).toThrow(/at least 16 characters/);
  });
});
