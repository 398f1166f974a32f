import 'reflect-metadata';
import type { IncomingHttpHeaders } from 'node:http';
import { createReceiver, type Receiver, type ReceiverOptions } from '@ezthrottle/core/webhooks';
import { EzthrottleModule } from '@ezthrottle/nestjs';
import {
  Body,
  Controller,
  HttpCode,
  HttpException,
  Module,
  Post,
  Req,
  type ModuleMetadata,
  type Type,
} from '@nestjs/common';
import { NestFactory, type AbstractHttpAdapter } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Webhooks } from '@octokit/webhooks';
import { Webhook } from 'svix';
import {
  doNothing,
  onlyReading,
  RECEIVED,
  SILENT,
  UNSIGNED,
  type FrameworkWays,
  type StartWay,
} from './framework.ts';
import { octokitHeaders, svixHeaders } from './peer-headers.ts';
import { SECRET } from './signing.ts';

/** What both platforms give a handler that asks for the raw body. */
interface RawRequest {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawBody?: Buffer;
}

/** A controller with one method on `POST /hook`. Sources run by stripping types, so decorators are called. */
function controller<Input>(
  parameter: ParameterDecorator,
  handle: (input: Input) => unknown,
): Type<unknown> {
  class Hook {
    receive(input: Input): unknown {
      return handle(input);
    }
  }
  const method = Object.getOwnPropertyDescriptor(Hook.prototype, 'receive') ?? {};
  Post('hook')(Hook.prototype, 'receive', method);
  HttpCode(200)(Hook.prototype, 'receive', method);
  parameter(Hook.prototype, 'receive', 0);
  Controller()(Hook);
  return Hook;
}

const bare = controller(Body(), () => RECEIVED);

function direct(): Type<unknown> {
  const receiver = createReceiver(UNSIGNED);
  return controller(Req(), async ({ method, headers, rawBody }: RawRequest) => {
    const header = (name: string): string => String(headers[name.toLowerCase()] ?? '');
    const answer = await receiver.receive({ method, header, body: rawBody ?? null });
    const body: Record<string, unknown> = JSON.parse(answer.body);
    if (answer.status !== 200) throw new HttpException(body, answer.status);
    return body;
  });
}

function octokit(): Type<unknown> {
  const webhooks = new Webhooks({ secret: SECRET, log: SILENT });
  webhooks.onAny(doNothing);
  return controller(Req(), async ({ headers, rawBody }: RawRequest) => {
    const payload = String(rawBody);
    try {
      await webhooks.verifyAndReceive({ ...octokitHeaders((name) => headers[name]), payload });
    } catch {
      throw new HttpException({}, 400);
    }
    return RECEIVED;
  });
}

function svix(): Type<unknown> {
  return controller(Req(), ({ headers, rawBody }: RawRequest) => {
    try {
      new Webhook(SECRET).verify(
        rawBody ?? '',
        svixHeaders((name) => headers[name]),
      );
    } catch {
      throw new HttpException({}, 400);
    }
    return RECEIVED;
  });
}

function waysOn(createAdapter: () => AbstractHttpAdapter): FrameworkWays {
  const start = (metadata: ModuleMetadata, rawBody: boolean): StartWay => {
    return async () => {
      class AppModule {}
      Module(metadata)(AppModule);
      const options = { logger: false, rawBody } as const;
      const app = await NestFactory.create(AppModule, createAdapter(), options);
      await app.listen(0, '127.0.0.1');
      return Number(new URL(await app.getUrl()).port);
    };
  };
  const withModule = (receiver: Receiver | ReceiverOptions): StartWay => {
    const client = { apiKey: 'key_of_the_bench' };
    return start(
      { imports: [EzthrottleModule.forRoot({ client, receiver, path: 'hook' })] },
      false,
    );
  };
  const withRawBody = (hook: Type<unknown>): StartWay => start({ controllers: [hook] }, true);
  return {
    bare: start({ controllers: [bare] }, false),
    adapter: withModule(onlyReading()),
    direct: withRawBody(direct()),
    unsigned: withModule(UNSIGNED),
    signed: withModule({ secrets: SECRET, on: { any: doNothing } }),
    octokit: withRawBody(octokit()),
    svix: withRawBody(svix()),
  };
}

export const nestOnExpressWays: FrameworkWays = waysOn(() => new ExpressAdapter());
export const nestOnFastifyWays: FrameworkWays = waysOn(() => new FastifyAdapter());
