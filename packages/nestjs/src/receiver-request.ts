import type { IncomingMessage } from 'node:http';
import { nodeReceiverRequest } from '@ezthrottle/core/node';
import { BodyAlreadyParsedError, type ReceiverRequest } from '@ezthrottle/core/webhooks';
import { giveBackBody } from './withheld-headers.ts';

/** A request of Express, which is Node's, or of Fastify, which holds Node's. */
export interface PlatformRequest {
  readonly rawBody?: unknown;
  readonly raw?: unknown;
}

const FIX =
  'Let Nest keep the bytes: NestFactory.create(AppModule, { rawBody: true }). It is needed only where ' +
  'the webhook stands under more than the global prefix, or behind a parser of your own.';

/**
 * The request as the receiver takes it. Its body is the unread stream, else what Nest has kept of it;
 * when Nest has parsed it and kept nothing, that is a `BodyAlreadyParsedError`.
 */
export function receiverRequestOf(request: PlatformRequest): ReceiverRequest {
  const message = isNodeRequest(request) ? request : request.raw;
  if (!isNodeRequest(message)) {
    throw new TypeError(
      'EzthrottleModule knows requests of Express and of Fastify; this is neither.',
    );
  }
  giveBackBody(message);
  const plain = nodeReceiverRequest(message, { context: request, fix: FIX });
  const { rawBody } = request;
  if (rawBody instanceof Uint8Array) return { ...plain, body: rawBody };
  if (!message.readableDidRead) return plain;
  const parsed = new BodyAlreadyParsedError('Nest’s body parser', FIX);
  return { ...plain, body: () => Promise.reject(parsed) };
}

function isNodeRequest(value: unknown): value is IncomingMessage {
  return typeof value === 'object' && value !== null && 'readableDidRead' in value;
}
