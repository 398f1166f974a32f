import type { Receiver } from '@ezthrottle/core/webhooks';
import {
  All,
  Controller,
  HttpCode,
  Inject,
  Req,
  Res,
  VERSION_NEUTRAL,
  type Type,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { receiverRequestOf, type PlatformRequest } from './receiver-request.ts';
import { EZTHROTTLE_RECEIVER } from './tokens.ts';
import { markWebhook } from './webhook-mark.ts';
import { WebhookRefusedException } from './webhook-refused-exception.ts';

/**
 * A controller class for one instance of the module: two instances must not share one class, since the
 * path is part of it. Guards, interceptors and filters of the application see it as any controller.
 */
export function createWebhookController(
  path: string,
  decorators: readonly ClassDecorator[],
): Type<unknown> {
  class EzthrottleWebhookController {
    readonly #receiver: Receiver;
    readonly #host: HttpAdapterHost;

    constructor(receiver: Receiver, host: HttpAdapterHost) {
      this.#receiver = receiver;
      this.#host = host;
    }

    async receive(request: PlatformRequest, response: unknown): Promise<unknown> {
      const answer = await this.#receiver.receive(receiverRequestOf(request));
      const body: Readonly<Record<string, unknown>> = JSON.parse(answer.body);
      for (const [name, value] of Object.entries(answer.headers)) {
        this.#host.httpAdapter.setHeader(response, name, value);
      }
      if (answer.status === 200) return body;
      throw new WebhookRefusedException(body, answer.status);
    }
  }
  const { prototype } = EzthrottleWebhookController;
  const method = Object.getOwnPropertyDescriptor(prototype, 'receive') ?? {};
  All()(prototype, 'receive', method);
  markWebhook(path)(prototype, 'receive', method);
  // Nest says 201 to a POST by itself.
  HttpCode(200)(prototype, 'receive', method);
  Req()(prototype, 'receive', 0);
  Res({ passthrough: true })(prototype, 'receive', 1);
  Inject(EZTHROTTLE_RECEIVER)(EzthrottleWebhookController, undefined, 0);
  Inject(HttpAdapterHost)(EzthrottleWebhookController, undefined, 1);
  for (const decorate of decorators) decorate(EzthrottleWebhookController);
  Controller({ path, version: VERSION_NEUTRAL })(EzthrottleWebhookController);
  return EzthrottleWebhookController;
}
