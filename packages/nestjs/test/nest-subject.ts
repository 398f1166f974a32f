import 'reflect-metadata';
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

export type Platform = 'Express' | 'Fastify';

interface CreationOptions {
  readonly rawBody?: boolean;
  readonly bodyParser?: boolean;
}

interface ConfiguredParser extends SubjectParser {
  readonly options: CreationOptions;
}

const JSON_TYPE = 'application/json';
const NAMED: readonly RegExp[] = [/Nest’s body parser/, /rawBody: true/];

/** How an application may have set up Nest's own parser; there is no other before a controller. */
const PARSERS: Readonly<Record<Platform, Readonly<Record<string, ConfiguredParser>>>> = {
  Express: {
    'without rawBody': { contentType: JSON_TYPE, says: NAMED, options: {} },
    'without rawBody, of a form': {
      contentType: 'application/x-www-form-urlencoded',
      says: NAMED,
      options: {},
    },
    'without rawBody, of a type it does not parse': {
      contentType: 'text/plain',
      says: null,
      options: {},
    },
    'bodyParser: false': { contentType: JSON_TYPE, says: null, options: { bodyParser: false } },
  },
  Fastify: {
    'without rawBody': { contentType: JSON_TYPE, says: NAMED, options: {} },
    'without rawBody, of a form': {
      contentType: 'application/x-www-form-urlencoded',
      says: NAMED,
      options: {},
    },
    'bodyParser: false': {
      contentType: JSON_TYPE,
      says: NAMED,
      options: { rawBody: true, bodyParser: false },
    },
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
    parsers: PARSERS[platform],
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
  const options = parser === undefined ? { rawBody: true } : PARSERS[platform][parser]?.options;
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

/** With room for deliveries as large as the receiver takes them. */
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
  if (platform === 'Fastify') {
    const adapter = new FastifyAdapter({ bodyLimit: 8 * 1024 * 1024 });
    return NestFactory.create(module, adapter, quiet);
  }
  const app = await NestFactory.create<NestExpressApplication>(module, new ExpressAdapter(), quiet);
  if (options.bodyParser !== false) app.useBodyParser('json', { limit: '8mb' });
  return app;
}
