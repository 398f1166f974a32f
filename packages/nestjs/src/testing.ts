/** For tests of an application: sends it signed deliveries by HTTP. Knows no test framework. */
import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import type { DeliveryPayload } from '@ezthrottle/core/protocol';
import { signWebhook } from '@ezthrottle/core/webhooks';
import type { INestApplication } from '@nestjs/common';
import type { EzthrottleModuleOptions } from './module-options.ts';
import { UnparsedBody } from './unparsed-body.ts';

export const TEST_WEBHOOK_SECRET = 'the webhook secret of tests';

/**
 * Options that know this module's secret and no server, for
 * `overrideProvider(EZTHROTTLE_OPTIONS).useValue(testingOptions())`.
 */
export function testingOptions(
  options: Partial<EzthrottleModuleOptions> = {},
): EzthrottleModuleOptions {
  return {
    client: { apiKey: 'key_of_tests', baseUrl: 'http://127.0.0.1:9', retry: false },
    receiver: { secrets: TEST_WEBHOOK_SECRET },
    ...options,
  };
}

export interface DeliverOptions {
  /** Default: that of `testingOptions`. */
  readonly secret?: string;
  /** Of the webhook, prefixes included. Default: the route that the application has for it. */
  readonly path?: string;
}

/**
 * Sends a delivery, signed as the server signs it, and gives the application's answer. Each is another
 * one: give `delivery_id` to repeat it. An application that does not listen yet does afterwards, on a
 * free port of loopback.
 *
 * @example
 * const answer = await deliver(app, { idempotent_key: 'order-42', status: 'failed' });
 */
export async function deliver(
  app: INestApplication<Server>,
  fields: Partial<DeliveryPayload> = {},
  { secret = TEST_WEBHOOK_SECRET, path }: DeliverOptions = {},
): Promise<Response> {
  if (!app.getHttpServer().listening) await app.listen(0, '127.0.0.1');
  const body = JSON.stringify(payloadOf(fields));
  const timestampSeconds = Math.floor(Date.now() / 1_000);
  return fetch(new URL(path ?? routeOf(app), await app.getUrl()), {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/json',
      'x-ezthrottle-signature': signWebhook({ body, secret, timestampSeconds }),
    },
  });
}

/** Known only once the application has started. */
function routeOf(app: INestApplication<Server>): string {
  const { route } = app.get(UnparsedBody, { strict: false });
  if (route !== null) return route;
  throw new TypeError('The route of the webhook is not known: give deliver() its path.');
}

function payloadOf(fields: Partial<DeliveryPayload>): DeliveryPayload {
  const isFailed = fields.status === 'failed';
  return {
    delivery_id: randomUUID(),
    endpoint_id: 'ep_test',
    attempt: 1,
    job_id: randomUUID(),
    idempotent_key: randomUUID(),
    status: 'success',
    response: { status_code: isFailed ? 500 : 200, headers: {}, body: '{}' },
    ...(isFailed ? { error: 'status_500' } : {}),
    metadata: {},
    ended_at: Date.now(),
    ...fields,
  };
}
