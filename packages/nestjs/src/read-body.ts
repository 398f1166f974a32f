import type { IncomingMessage } from 'node:http';
import { readRawBody } from '@ezthrottle/core/node';
import { BodyAlreadyParsedError } from '@ezthrottle/core/webhooks';

/** A request of Express, which is Node's, or of Fastify, which holds Node's. */
export type PlatformRequest = Pick<IncomingMessage, 'method' | 'headers'> & {
  readonly rawBody?: unknown;
  readonly raw?: unknown;
};

const FIX = 'Let Nest keep the bytes: NestFactory.create(AppModule, { rawBody: true }).';

/**
 * The bytes as they were sent: those that Nest has kept, else the unread stream, which it leaves for
 * content types that it does not parse.
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
  if (!isNodeRequest(message))
    throw new TypeError('This is a request of neither Express nor Fastify.');
  if (message.readableDidRead) throw new BodyAlreadyParsedError('Nest’s body parser', FIX);
  return readRawBody(message, { limitBytes, fix: FIX });
}

function isNodeRequest(value: unknown): value is IncomingMessage {
  return typeof value === 'object' && value !== null && 'readableDidRead' in value;
}
