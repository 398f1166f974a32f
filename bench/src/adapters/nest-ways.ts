import 'reflect-metadata';
import type { ReceiverOptions } from '@ezthrottle/core/webhooks';
import { EzthrottleModule } from '@ezthrottle/nestjs';
import { Body, Controller, HttpCode, Module, Post, type ModuleMetadata } from '@nestjs/common';
import { NestFactory, type AbstractHttpAdapter } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { doNothing, RECEIVED, UNSIGNED, type FrameworkWays, type StartWay } from './framework.ts';
import { SECRET } from './signing.ts';

class Hook {
  receive(_body: unknown): object {
    return RECEIVED;
  }
}

// Sources run by stripping types, so decorators are called.
const receive = Object.getOwnPropertyDescriptor(Hook.prototype, 'receive') ?? {};
Post('hook')(Hook.prototype, 'receive', receive);
HttpCode(200)(Hook.prototype, 'receive', receive);
Body()(Hook.prototype, 'receive', 0);
Controller()(Hook);

function start(createAdapter: () => AbstractHttpAdapter, metadata: ModuleMetadata): StartWay {
  return async () => {
    class AppModule {}
    Module(metadata)(AppModule);
    const app = await NestFactory.create(AppModule, createAdapter(), { logger: false });
    await app.listen(0, '127.0.0.1');
    return Number(new URL(await app.getUrl()).port);
  };
}

function waysOn(createAdapter: () => AbstractHttpAdapter): FrameworkWays {
  const withModule = (receiver: ReceiverOptions): StartWay => {
    const client = { apiKey: 'key_of_the_bench' };
    const webhook = EzthrottleModule.forRoot({ client, receiver, path: 'hook' });
    return start(createAdapter, { imports: [webhook] });
  };
  return {
    bare: start(createAdapter, { controllers: [Hook] }),
    unsigned: withModule(UNSIGNED),
    signed: withModule({ secrets: SECRET, on: { any: doNothing } }),
  };
}

export const nestOnExpressWays: FrameworkWays = waysOn(() => new ExpressAdapter());
export const nestOnFastifyWays: FrameworkWays = waysOn(() => new FastifyAdapter());
