import type { IncomingMessage } from 'node:http';
import { nodeReceiverRequest } from '@ezthrottle/core/node';
import { BodyAlreadyParsedError, type ReceiverRequest } from '@ezthrottle/core/webhooks';
import { giveBackBody, readingTimeOf, type ReadingTime } from './withheld-headers.ts';

/** A request of Express, which is Node's, or of Fastify, which holds Node's. */
export interface PlatformRequest {
  readonly rawBody?: unknown;
  readonly raw?: unknown;
}

/** Who can have read the body by then, and what helps against that. */
const MISTAKES: Readonly<Record<ReadingTime, readonly [reader: string, fix: string]>> = {
  'before Nest': [
    'a parser, middleware or hook of the server that was given to Nest’s platform adapter',
    'Take it off that server, since Nest has a parser of its own, or have it keep the bytes, such as ' +
      'express.json({ verify: (request, _response, bytes) => { request.rawBody = bytes; } }).',
  ],
  'in the application': [
    'a middleware or hook of the application, not Nest’s parser',
    'Have it leave the webhook alone, or keep the bytes as a Buffer in request.rawBody.',
  ],
  unknown: [
    'Nest’s body parser, or by a middleware or hook of the application',
    'Have Nest keep the bytes: NestFactory.create(AppModule, { rawBody: true }). A middleware or hook has ' +
      'to leave the webhook alone, or keep the bytes as a Buffer in request.rawBody.',
  ],
};

/**
 * The request as the receiver takes it. Its body is the unread stream, else the bytes that a parser has
 * kept of it; when it was read and nothing is kept, that is a `BodyAlreadyParsedError`.
 */
export function receiverRequestOf(request: PlatformRequest): ReceiverRequest {
  const message = isNodeRequest(request) ? request : request.raw;
  if (!isNodeRequest(message)) {
    throw new TypeError(
      'EzthrottleModule knows requests of Express and of Fastify; this is neither.',
    );
  }
  giveBackBody(message);
  const plain = nodeReceiverRequest(message, { context: request });
  const kept = keptBytes(request) ?? keptBytes(message);
  if (kept !== null) return { ...plain, body: kept };
  if (!message.readableDidRead) return plain;
  const parsed = new BodyAlreadyParsedError(...MISTAKES[readingTimeOf(message)]);
  return { ...plain, body: () => Promise.reject(parsed) };
}

function isNodeRequest(value: unknown): value is IncomingMessage {
  return typeof value === 'object' && value !== null && 'readableDidRead' in value;
}

function keptBytes(request: object): Uint8Array | null {
  const rawBody: unknown = Reflect.get(request, 'rawBody');
  if (rawBody instanceof Uint8Array) return rawBody;
  const body: unknown = Reflect.get(request, 'body');
  return body instanceof Uint8Array ? body : null;
}
