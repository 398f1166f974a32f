import type { IncomingMessage } from 'node:http';
import type { ApplicationConfig, HttpAdapterHost } from '@nestjs/core';
import { routeMatcher } from './route-matcher.ts';
import { giveBackBody, withholdBody } from './withheld-headers.ts';

type Done = (error?: Error | null) => void;

interface ExpressLike {
  use(middleware: (request: IncomingMessage, response: unknown, next: Done) => void): unknown;
}

interface FastifyRequestLike {
  readonly raw: IncomingMessage;
}

interface FastifyLike {
  addHook(
    name: 'onRequest' | 'preValidation',
    hook: (request: FastifyRequestLike, reply: unknown, done: Done) => void,
  ): unknown;
}

/**
 * Keeps Nest's body parser away from the webhook: a signature covers the bytes as they were sent. It is
 * there before the parser is, whether the application is made by `NestFactory` or for a test.
 */
export class UnparsedBody {
  readonly #config: ApplicationConfig;
  readonly #path: string;
  #isWebhook: ((url: string) => boolean) | null = null;

  constructor(host: HttpAdapterHost, config: ApplicationConfig, path: string) {
    this.#config = config;
    this.#path = path;
    host.init$.subscribe(() => {
      const { httpAdapter } = host;
      if (httpAdapter.getType() === 'express') this.#onExpress(httpAdapter.getInstance());
      if (httpAdapter.getType() === 'fastify') this.#onFastify(httpAdapter.getInstance());
    });
  }

  #onExpress(app: ExpressLike): void {
    app.use((request, _response, next) => {
      if (this.#matches(request)) withholdBody(request);
      next();
    });
  }

  #onFastify(app: FastifyLike): void {
    app.addHook('onRequest', ({ raw }, _reply, done) => {
      if (this.#matches(raw)) withholdBody(raw);
      done();
    });
    app.addHook('preValidation', ({ raw }, _reply, done) => {
      giveBackBody(raw);
      done();
    });
  }

  /** The global prefix is known only when the application has started. */
  #matches({ url = '' }: IncomingMessage): boolean {
    this.#isWebhook ??= routeMatcher(this.#config.getGlobalPrefix(), this.#path);
    return this.#isWebhook(url);
  }
}
