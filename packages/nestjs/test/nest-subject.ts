import 'reflect-metadata';
import { createRequire } from 'node:module';
import type {
  AdapterSubject,
  AdapterSubjectOptions,
  RunningAdapter,
  SubjectParser,
} from '@ezthrottle/testkit/adapter-suite';
import { Body, Controller, HttpCode, Module, Post, type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter, type NestExpressApplication } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { EzthrottleModule } from '../src/index.ts';

/** Of the NestJS that is found from here. */
export function nestVersion(): string {
  const manifest: { version: string } = createRequire(import.meta.url)('@nestjs/core/package.json');
  return manifest.version;
}

export type Platform = 'Express' | 'Fastify';

interface CreationOptions {
  readonly rawBody?: boolean;
  readonly bodyParser?: boolean;
}

interface ConfiguredParser extends SubjectParser {
  readonly options: CreationOptions;
}

/** How an application may have set up Nest's parser. None of it reaches the webhook. */
const PARSERS: Readonly<Record<string, ConfiguredParser>> = {
  'Nest’s own parser': { contentType: 'application/json', says: null, options: {} },
  'Nest’s own parser, of a form': {
    contentType: 'application/x-www-form-urlencoded',
    says: null,
    options: {},
  },
  'rawBody: true': { contentType: 'application/json', says: null, options: { rawBody: true } },
  'bodyParser: false': {
    contentType: 'application/json',
    says: null,
    options: { bodyParser: false },
  },
};

/** The module in an application of this platform. */
export function nestSubject(
  version: string,
  platform: Platform,
  exceptions: NonNullable<AdapterSubject['exceptions']> = {},
): AdapterSubject {
  return {
    name: `NestJS ${version} on ${platform}`,
    parsers: PARSERS,
    exceptions,
    start: (options) => startApp(platform, options),
  };
}

class EchoController {
  echo(body: unknown): unknown {
    return body;
  }
}

const echo = Object.getOwnPropertyDescriptor(EchoController.prototype, 'echo') ?? {};
Post('echo')(EchoController.prototype, 'echo', echo);
HttpCode(200)(EchoController.prototype, 'echo', echo);
Body()(EchoController.prototype, 'echo', 0);
Controller()(EchoController);

async function startApp(
  platform: Platform,
  { receiver, prefix, parser }: AdapterSubjectOptions,
): Promise<RunningAdapter> {
  class AppModule {}
  const client = { apiKey: 'key_of_these_tests' };
  Module({
    imports: [EzthrottleModule.forRoot({ client, receiver, path: 'hook' })],
    controllers: [EchoController],
  })(AppModule);
  const options = parser === undefined ? {} : PARSERS[parser]?.options;
  const app = await create(platform, AppModule, { ...options });
  if (prefix !== undefined) app.setGlobalPrefix(prefix);
  await app.listen(0, '127.0.0.1');
  const base = `${await app.getUrl()}${prefix ?? ''}`;
  return {
    url: `${base}/hook`,
    echoUrl: `${base}/echo`,
    close: () => app.close(),
  };
}

async function create(
  platform: Platform,
  module: new () => object,
  options: CreationOptions,
): Promise<INestApplication> {
  const quiet = {
    ...options,
    logger: false,
    abortOnError: false,
    forceCloseConnections: true,
  } as const;
  if (platform === 'Fastify') return NestFactory.create(module, new FastifyAdapter(), quiet);
  const app = await NestFactory.create<NestExpressApplication>(module, new ExpressAdapter(), quiet);
  // Express adds one to whatever Nest sends.
  app.disable('etag');
  return app;
}
