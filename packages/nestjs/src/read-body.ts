import type { IncomingMessage } from 'node:http';
import { readRawBody, type ParsedIncomingMessage } from '@ezthrottle/core/node';
import { BodyAlreadyParsedError } from '@ezthrottle/core/webhooks';
import { giveBackBody } from './withheld-headers.ts';

/** A request of Express, which is Node's, or of Fastify, which holds Node's. */
export type PlatformRequest = Pick<IncomingMessage, 'method' | 'headers'> & {
  readonly rawBody?: unknown;
  readonly raw?: unknown;
};

const FIX =
  'Let Nest keep the bytes: NestFactory.create(AppModule, { rawBody: true }). It is needed only where the ' +
  'webhook stands under more than the global prefix, or behind a parser of your own.';

/**
 * The bytes as they were sent: the unread stream, else what Nest has kept (`rawBody: true`).
 *
 * @throws {BodyTooLargeError} when there are more than `limitBytes`.
 * @throws {BodyAlreadyParsedError} when Nest has parsed the body and not kept the bytes.
 * @throws {BodyUnreadableError} when the connection breaks before the end.
 */
export async function readNestBody(
  request: PlatformRequest,
  limitBytes: number,
): Promise<Uint8Array> {
  if (request.rawBody instanceof Uint8Array) return request.rawBody;
  const message = isNodeRequest(request) ? request : request.raw;
  if (!isNodeRequest(message)) {
    throw new TypeError('This is a request of neither Express nor Fastify.');
  }
  giveBackBody(message);
  if (message.readableDidRead) throw new BodyAlreadyParsedError('Nest’s body parser', FIX);
  return readRawBody(message, { limitBytes, fix: FIX });
}

function isNodeRequest(value: unknown): value is ParsedIncomingMessage {
  return typeof value === 'object' && value !== null && 'readableDidRead' in value;
}
