import 'reflect-metadata';
import { Module, type NestApplicationOptions, type INestApplication } from '@nestjs/common';
import { NestFactory, RouterModule } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { Server } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { EzthrottleModule } from '../src/index.ts';
import { deliver, TEST_WEBHOOK_SECRET, testingOptions } from '../src/testing.ts';

type App = INestApplication<Server>;
type Platform = 'Express' | 'Fastify';

const apps: App[] = [];

interface StartOptions {
  readonly path?: string;
  readonly below?: string;
  readonly adapter?: ExpressAdapter;
  readonly onError?: (error: unknown) => void;
  readonly setUp?: (app: App) => unknown;
  readonly nest?: NestApplicationOptions;
}

async function start(platform: Platform, options: StartOptions = {}): Promise<App> {
  const { path = 'webhooks/ezthrottle', below, onError } = options;
  const receiver = { secrets: TEST_WEBHOOK_SECRET, ...(onError === undefined ? {} : { onError }) };
  class AppModule {}
  Module({
    imports: [
      EzthrottleModule.forRoot({ ...testingOptions({ receiver }), path }),
      ...(below === undefined
        ? []
        : [RouterModule.register([{ path: below, module: EzthrottleModule }])]),
    ],
  })(AppModule);
  const quiet = { ...options.nest, logger: false, abortOnError: false } as const;
  const adapter =
    platform === 'Fastify' ? new FastifyAdapter() : (options.adapter ?? new ExpressAdapter());
  const app: App = await NestFactory.create(AppModule, adapter, quiet);
  apps.push(app);
  await options.setUp?.(app);
  return app;
}

/** Where an application may have its webhook, and who may have read the body; for each NestJS. */
export function describePlacing(version: string): void {
  afterEach(async () => {
    await Promise.all(apps.splice(0).map((app) => app.close()));
  });

  describe.each<Platform>(['Express', 'Fastify'])(
    `the webhook in NestJS ${version} on %s`,
    (on) => {
      it.each<[string, StartOptions, string]>([
        ['at its path', {}, '/webhooks/ezthrottle'],
        [
          'below the global prefix',
          { setUp: (app) => app.setGlobalPrefix('api') },
          '/api/webhooks/ezthrottle',
        ],
        [
          'outside a global prefix that excludes it',
          {
            setUp: (app) => app.setGlobalPrefix('api', { exclude: ['webhooks/ezthrottle'] }),
          },
          '/webhooks/ezthrottle',
        ],
        [
          'outside a global prefix that excludes a pattern',
          { setUp: (app) => app.setGlobalPrefix('api', { exclude: ['webhooks/*rest'] }) },
          '/webhooks/ezthrottle',
        ],
        ['below a path of RouterModule', { below: 'below' }, '/below/webhooks/ezthrottle'],
      ])('takes deliveries %s, where deliver() finds it', async (_where, options, path) => {
        const app = await start(on, options);
        expect((await deliver(app)).status).toBe(200);
        expect((await deliver(app, {}, { path })).status).toBe(200);
      });

      it('takes deliveries whose path is written another way', async () => {
        const app = await start(on, { path: 'in/:name' });
        expect((await deliver(app, {}, { path: '/in/acme?from=there' })).status).toBe(200);
        const escaped = await deliver(app, {}, { path: '/in/%61cme' });
        expect(escaped.status).toBe(200);
      });

      it('takes deliveries at a path with a wildcard', async () => {
        const app = await start(on, { path: on === 'Express' ? 'hooks/*rest' : 'hooks/*' });
        expect((await deliver(app, {}, { path: '/hooks/a/b' })).status).toBe(200);
      });
    },
  );

  it(`NestJS ${version} on Fastify takes deliveries whose path has escapes`, async () => {
    const app = await start('Fastify');
    expect((await deliver(app, {}, { path: '/webhooks/%65zthrottle' })).status).toBe(200);
  });
}
