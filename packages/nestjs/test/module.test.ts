import 'reflect-metadata';
import type { Server } from 'node:http';
import { EZThrottle } from '@ezthrottle/core';
import { createReceiver, type Receiver } from '@ezthrottle/core/webhooks';
import {
  Catch,
  Controller,
  Get,
  Injectable,
  Module,
  SetMetadata,
  type ArgumentsHost,
  type CanActivate,
  type DynamicModule,
  type ExceptionFilter,
  type ExecutionContext,
  type INestApplication,
  type NestApplicationOptions,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { tap } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  EZTHROTTLE_RECEIVER,
  EzthrottleHealthIndicator,
  EzthrottleModule,
  InjectReceiver,
  OnDelivery,
  WebhookRefusedException,
} from '../src/index.ts';
import { deliver, TEST_WEBHOOK_SECRET, testingOptions } from '../src/testing.ts';

const apps: INestApplication<Server>[] = [];

afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
});

async function create(
  imports: readonly (DynamicModule | (new () => object))[],
  options: NestApplicationOptions = {},
): Promise<INestApplication<Server>> {
  const testing = await Test.createTestingModule({ imports: [...imports] }).compile();
  const app: INestApplication<Server> = testing.createNestApplication({
    logger: false,
    ...options,
  });
  apps.push(app);
  return app;
}

const secrets = TEST_WEBHOOK_SECRET;

describe('EzthrottleModule', () => {
  it('gives the client and the receiver to inject, everywhere when it is global', async () => {
    @Injectable()
    class Orders {
      readonly client: EZThrottle;
      readonly receiver: Receiver;

      constructor(client: EZThrottle, @InjectReceiver() receiver: Receiver) {
        this.client = client;
        this.receiver = receiver;
      }
    }
    @Module({ providers: [Orders] })
    class OrdersModule {}
    const module = EzthrottleModule.forRoot({ ...testingOptions(), isGlobal: true });
    const app = await create([module, OrdersModule]);
    const orders = app.get(Orders, { strict: false });
    expect(orders.client).toBeInstanceOf(EZThrottle);
    expect(orders.receiver).toBe(app.get(EZTHROTTLE_RECEIVER, { strict: false }));
  });

  it('takes its options from a factory, and makes the receiver with the client', async () => {
    const clients: EZThrottle[] = [];
    @Module({ providers: [{ provide: 'secret', useValue: secrets }], exports: ['secret'] })
    class Settings {}
    const app = await create([
      EzthrottleModule.forRootAsync({
        imports: [Settings],
        inject: ['secret'],
        useFactory: (secret: string) => ({
          ...testingOptions(),
          receiver: (client) => {
            clients.push(client);
            return { secrets: secret };
          },
        }),
        path: 'hook',
      }),
    ]);
    expect((await deliver(app)).status).toBe(200);
    expect(clients).toEqual([app.get(EZThrottle, { strict: false })]);
  });

  it('refuses options that cannot work while the application starts', async () => {
    const receiver = { secrets: 'too short' };
    const made = create([EzthrottleModule.forRoot({ ...testingOptions(), receiver })]);
    await expect(made).rejects.toThrow(/at least 16 characters/);
  });

  it('may be there twice, each with a path and a secret of its own', async () => {
    const other = 'the other webhook secret';
    const app = await create([
      EzthrottleModule.forRoot({ ...testingOptions(), path: 'one' }),
      EzthrottleModule.forRoot({
        ...testingOptions({ receiver: { secrets: other } }),
        path: 'two',
      }),
    ]);
    const statuses = await Promise.all(
      [
        { path: '/one' },
        { path: '/two', secret: other },
        { path: '/one', secret: other },
        { path: '/two' },
      ].map(async (options) => (await deliver(app, {}, options)).status),
    );
    expect(statuses).toEqual([200, 200, 401, 401]);
  });

  it('stands below the global prefix, without a version, also with a parameter', async () => {
    const app = await create([EzthrottleModule.forRoot({ ...testingOptions(), path: 'in/:name' })]);
    app.setGlobalPrefix('api').enableVersioning();
    expect((await deliver(app, {}, { path: '/api/in/acme' })).status).toBe(200);
    expect((await deliver(app, {}, { path: '/in/acme' })).status).toBe(404);
  });
});

describe('the application around the webhook', () => {
  const Public = (): ClassDecorator => SetMetadata('public', true);

  class OnlyPublic implements CanActivate {
    canActivate(context: ExecutionContext): boolean {
      return new Reflector().get<unknown>('public', context.getClass()) === true;
    }
  }

  it.each([
    [[], 403],
    [[Public()], 200],
  ])(
    'has its guards asked, which find what `decorators` put on the webhook',
    async (decorators, status) => {
      const app = await create([EzthrottleModule.forRoot({ ...testingOptions(), decorators })]);
      app.useGlobalGuards(new OnlyPublic());
      expect((await deliver(app)).status).toBe(status);
    },
  );

  it('has its interceptors see what is answered', async () => {
    const answers: unknown[] = [];
    const app = await create([EzthrottleModule.forRoot(testingOptions())]);
    app.useGlobalInterceptors({
      intercept: (_context, next) => next.handle().pipe(tap((answer) => answers.push(answer))),
    });
    await deliver(app);
    expect(answers).toEqual([{ status: 'received' }]);
  });

  it('has its filters see what was refused, with its code', async () => {
    const codes: string[] = [];
    @Catch(WebhookRefusedException)
    class Filter implements ExceptionFilter<WebhookRefusedException> {
      catch(exception: WebhookRefusedException, host: ArgumentsHost): void {
        codes.push(exception.code);
        host
          .switchToHttp()
          .getResponse<{ status(code: number): { end(): void } }>()
          .status(exception.getStatus())
          .end();
      }
    }
    const app = await create([EzthrottleModule.forRoot(testingOptions())]);
    app.useGlobalFilters(new Filter());
    expect((await deliver(app, {}, { secret: 'quite another secret' })).status).toBe(401);
    expect(codes).toEqual(['unauthorized']);
  });
});

describe('the health indicator', () => {
  @Controller('api/v1/jobs')
  class JobServer {
    @Get()
    list(): object {
      return { jobs: [], next_cursor: null };
    }
  }

  @Module({ controllers: [JobServer] })
  class JobServerModule {}

  it('says that the server is up, or why it is down, as Terminus wants it', async () => {
    const server = await create([JobServerModule]);
    await server.listen(0, '127.0.0.1');
    const client = {
      apiKey: 'key_of_tests',
      baseUrl: await server.getUrl(),
      retry: false,
    } as const;
    const app = await create([EzthrottleModule.forRoot(testingOptions({ client }))]);
    const indicator = app.get(EzthrottleHealthIndicator, { strict: false });
    expect(await indicator.isHealthy('jobs')).toEqual({ jobs: { status: 'up' } });
    await server.close();
    expect(await indicator.isHealthy('jobs')).toEqual({
      jobs: { status: 'down', message: expect.any(String) },
    });
  });
});

describe('shutting down', () => {
  it('answers what is being handled, takes nothing more, and ends the client', async () => {
    let open = (): void => {};
    let arrive = (): void => {};
    const opened = new Promise<void>((resolve) => (open = resolve));
    const arrived = new Promise<void>((resolve) => (arrive = resolve));
    class Slow {
      @OnDelivery('any')
      async wait(): Promise<void> {
        arrive();
        await opened;
      }
    }
    @Module({ imports: [EzthrottleModule.forRoot(testingOptions())], providers: [Slow] })
    class AppModule {}
    const app = await create([AppModule]);
    const client = app.get(EZThrottle, { strict: false });
    const answer = deliver(app);
    await arrived;
    const late = deliver(app);
    const closed = app.close();
    open();
    expect((await answer).status).toBe(200);
    await late.catch(() => undefined);
    await closed;
    await expect(client.submitJob({ url: 'http://127.0.0.1:9' })).rejects.toMatchObject({
      code: 'closed',
    });
  });

  it('leaves alone what was handed in made', async () => {
    const client = new EZThrottle({ apiKey: 'key_of_tests', baseUrl: 'http://127.0.0.1:9' });
    const receiver = createReceiver({ secrets });
    const app = await create([EzthrottleModule.forRoot({ client, receiver })]);
    await app.init();
    await app.close();
    const answer = await receiver.receive({ method: 'GET', header: () => null, body: null });
    expect(answer.status).toBe(405);
  });
});

describe('an application that only receives', () => {
  beforeEach(() => vi.stubEnv('EZTHROTTLE_API_KEY', undefined));
  afterEach(() => vi.unstubAllEnvs());

  const receiving = (): DynamicModule =>
    EzthrottleModule.forRoot({ receiver: { secrets }, isGlobal: true });

  it('needs no API key', async () => {
    const app = await create([receiving()]);
    expect((await deliver(app)).status).toBe(200);
    const health = await app.get(EzthrottleHealthIndicator, { strict: false }).isHealthy('jobs');
    expect(health.jobs).toMatchObject({
      status: 'down',
      message: expect.stringMatching(/no API key/),
    });
  });

  it('is told what is missing when it has the client injected', async () => {
    @Injectable()
    class Orders {
      readonly client: EZThrottle;

      constructor(client: EZThrottle) {
        this.client = client;
      }
    }
    @Module({ imports: [receiving()], providers: [Orders] })
    class AppModule {}
    const app = await create([AppModule]);
    await expect(app.init()).rejects.toThrow(/^Orders cannot be given .* set EZTHROTTLE_API_KEY/);
  });

  it('is told what is missing whatever it asks the client for', async () => {
    const app = await create([receiving()]);
    await app.init();
    const client = app.get(EZThrottle, { strict: false });
    const real: object = new EZThrottle({ apiKey: 'key_of_tests' });
    const names = [...Object.keys(real), 'submitJob', 'execute', 'continuations'];
    expect(names).toContain('jobs');
    for (const name of names) {
      expect(() => Reflect.get(client, name)).toThrow(/There is no client: .* no API key/);
    }
  });

  it('is told at once when the client has options, but no key', async () => {
    const client = { baseUrl: 'http://127.0.0.1:9' };
    const made = create([EzthrottleModule.forRoot({ client, receiver: { secrets } })]);
    await expect(made).rejects.toThrow(/apiKey is required/);
  });
});
