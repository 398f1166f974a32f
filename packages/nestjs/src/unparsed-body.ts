import type { IncomingMessage } from 'node:http';
import type { OnApplicationBootstrap } from '@nestjs/common';
import type { HttpAdapterHost } from '@nestjs/core';
import { findLayers, type ExpressLike, type RouteLayer } from './express-routes.ts';
import { watchWebhookRoutes } from './webhook-mark.ts';
import { giveBackBody, withholdBody } from './withheld-headers.ts';

interface FastifyRequestLike {
  readonly raw: IncomingMessage;
  readonly routeOptions: { readonly url?: string };
}

interface FastifyLike {
  addHook(
    name: 'onRequest' | 'preValidation',
    hook: (request: FastifyRequestLike, reply: unknown, done: () => void) => void,
  ): unknown;
}

/**
 * Keeps Nest's body parser away from the webhook: a signature covers the bytes as they were sent. It is
 * there before the parser is, whether the application is made by `NestFactory` or for a test, and goes
 * by the routes that the platform really has: a prefix may leave some out, a path may be a pattern.
 */
export class UnparsedBody implements OnApplicationBootstrap {
  readonly #routes = new Set<string>();
  #express: ExpressLike | null = null;
  #layers: readonly RouteLayer[] = [];

  constructor(host: HttpAdapterHost, path: string) {
    host.init$.subscribe(() => {
      const { httpAdapter } = host;
      watchWebhookRoutes(httpAdapter, path, (route) => this.#routes.add(route));
      if (httpAdapter.getType() === 'express') this.#onExpress(httpAdapter.getInstance());
      if (httpAdapter.getType() === 'fastify') this.#onFastify(httpAdapter.getInstance());
    });
  }

  /** Where the webhook is in this application, prefixes included; null until it has started. */
  get route(): string | null {
    const [route = null] = this.#routes;
    return route;
  }

  onApplicationBootstrap(): void {
    if (this.#express !== null) this.#layers = findLayers(this.#express, this.#routes);
  }

  #onExpress(app: ExpressLike): void {
    this.#express = app;
    app.use((request, _response, next) => {
      if (this.#layers.some((layer) => layer.match(request.path))) withholdBody(request);
      next();
    });
  }

  #onFastify(app: FastifyLike): void {
    app.addHook('onRequest', ({ raw, routeOptions }, _reply, done) => {
      if (this.#routes.has(String(routeOptions.url))) withholdBody(raw);
      done();
    });
    app.addHook('preValidation', ({ raw }, _reply, done) => {
      giveBackBody(raw);
      done();
    });
  }
}
