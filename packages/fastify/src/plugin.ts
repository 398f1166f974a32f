import { Readable } from 'node:stream';
import { nodeReceiverRequest } from '@ezthrottle/core/node';
import {
  createReceiver,
  type Receiver,
  type ReceiverOptions,
  type ReceiverRequest,
} from '@ezthrottle/core/webhooks';
import type { FastifyPluginAsync, FastifyRequest } from 'fastify';

/** Where the webhook stands, and either a receiver or the options for one. */
export type EZThrottlePluginOptions = {
  /** Below the `prefix`, if there is one. Default `/`. */
  readonly path?: string;
} & ({ readonly receiver: Receiver } | ReceiverOptions);

const FIX =
  'Keep what reads request.raw or the stream in request.body (a hook, or Express middleware such as ' +
  'express.json()) away from this route: register it in a scope of its own, or have a preParsing hook ' +
  "return a stream of the bytes. Fastify's own parsers do no harm: this plugin has a scope of its own.";

/**
 * Receives EZThrottle's webhooks in Fastify 5. It reads the raw body in a scope of its own, so the
 * parsers of other routes stay as they are. `maxBodyBytes` decides how long a body may be, not
 * Fastify's `bodyLimit`. The request is the handlers' `context`.
 *
 * @throws {ReceiverConfigurationError} from `ready()` or `listen()`, when it is given options that
 *   cannot work.
 * @example
 * app.register(ezthrottle, { path: '/webhooks', secrets, on: { success: ship } });
 */
export const ezthrottle: FastifyPluginAsync<EZThrottlePluginOptions> = async (app, options) => {
  const isHandedIn = 'receiver' in options;
  const receiver = isHandedIn ? options.receiver : createReceiver(options);
  // A scope of its own also where somebody has wrapped this plugin to be without one.
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    // The stream as the body: it is read when the receiver wants it, bounded, and nobody parses it.
    // By its name as well: Fastify looks a type up faster than it finds out that there is none.
    for (const type of [JSON_TYPE, '*']) {
      scope.addContentTypeParser(type, (request, payload, parsed) => {
        showContentType(request);
        parsed(null, payload);
      });
    }
    scope.addHook('preParsing', (request, _reply, payload, done) => {
      hideContentType(request);
      done(null, payload);
    });
    scope.addHook('preValidation', (request, _reply, done) => {
      showContentType(request);
      done();
    });
    scope.all(options.path ?? '/', (request, reply) => {
      // Without an async function: Fastify would wait for its promise as well.
      receiver
        .receive(receiverRequestOf(request))
        .then(({ status, headers, body }) => reply.code(status).headers(headers).send(body))
        .catch((error: unknown) => reply.send(error));
    });
    // A receiver that was handed in may serve other routes as well: it is not ours to close.
    if (!isHandedIn) scope.addHook('onClose', () => receiver.close());
  });
};

const JSON_TYPE = 'application/json';

const hiddenTypes = new WeakMap<FastifyRequest, string>();

/** Fastify refuses a content type that it cannot read, before anybody can say that it does not matter. */
function hideContentType(request: FastifyRequest): void {
  const { headers } = request.raw;
  const type = headers['content-type'];
  if (type === undefined || isJson(type)) return;
  hiddenTypes.set(request, type);
  headers['content-type'] = undefined;
}

function showContentType(request: FastifyRequest): void {
  const { headers } = request.raw;
  if (headers['content-type'] !== undefined) return;
  const type = hiddenTypes.get(request);
  if (type !== undefined) headers['content-type'] = type;
}

/** What nearly every delivery is, and what Fastify can read for certain. */
function isJson(type: string): boolean {
  return type === JSON_TYPE || type.startsWith(`${JSON_TYPE};`);
}

function receiverRequestOf(request: FastifyRequest): ReceiverRequest {
  const { body, raw } = request;
  const stream = body instanceof Readable ? body : undefined;
  return nodeReceiverRequest(raw, { stream, context: request, fix: FIX });
}
