import type { IncomingMessage } from 'node:http';
import {
  BodyAlreadyParsedError,
  BodyTooLargeError,
  BodyUnreadableError,
} from '../webhooks/errors.ts';

/** A Node request, with what body parsers hang on it. */
export type ParsedIncomingMessage = IncomingMessage & {
  readonly rawBody?: unknown;
  readonly body?: unknown;
};

export interface RawBodyOptions {
  /** More bytes than this are refused. */
  readonly limitBytes: number;
  /** What to do when a parser was first, in the framework's own words. */
  readonly fix?: string;
}

const FIX =
  'Put the webhook route before the parser (before app.use(express.json())), or give this route ' +
  'express.raw({ type: () => true }) instead, or keep the bytes: ' +
  'express.json({ verify: (request, _response, bytes) => { request.rawBody = bytes; } }).';

/**
 * The request's body as the bytes that were sent: `rawBody` or `body` when a parser left bytes there,
 * else the stream when nothing has read it yet. Never made up again from a parsed body.
 *
 * @throws {BodyTooLargeError} when there are more than `limitBytes`.
 * @throws {BodyAlreadyParsedError} when only a parsed body is left; it names the parser and the fix.
 * @throws {BodyUnreadableError} when the connection breaks before the end.
 */
export async function readRawBody(
  request: ParsedIncomingMessage,
  options: RawBodyOptions,
): Promise<Uint8Array> {
  const { limitBytes } = options;
  const kept = [request.rawBody, request.body].find((body) => body instanceof Uint8Array);
  if (kept !== undefined) {
    if (kept.byteLength > limitBytes) throw new BodyTooLargeError(limitBytes);
    return kept;
  }
  if (request.readableDidRead || request.readableEnded) {
    throw new BodyAlreadyParsedError(guessParser(request), options.fix ?? FIX);
  }
  if (Number(request.headers['content-length']) > limitBytes) {
    request.resume();
    throw new BodyTooLargeError(limitBytes);
  }
  return await readStream(request, limitBytes);
}

/** What is left over after the limit is read and thrown away, or the sender would never see the answer. */
function readStream(request: IncomingMessage, limitBytes: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const settle = (conclude: () => void): void => {
      request.off('data', onData).off('end', onEnd).off('close', onClose);
      conclude();
    };
    const onData = (chunk: Buffer): void => {
      length += chunk.byteLength;
      if (length <= limitBytes) {
        chunks.push(chunk);
        return;
      }
      settle(() => reject(new BodyTooLargeError(limitBytes)));
      request.resume();
    };
    const onEnd = (): void => settle(() => resolve(Buffer.concat(chunks, length)));
    const onClose = (): void => settle(() => reject(new BodyUnreadableError(request.errored)));
    // The listener stays: an error without one would end the process. 'close' follows it.
    request.on('error', () => undefined);
    request.on('data', onData).on('end', onEnd).on('close', onClose);
    if (request.destroyed) onClose();
  });
}

/** Parsers leave no name behind, but what they leave tells. */
function guessParser(request: ParsedIncomingMessage): string {
  const { body } = request;
  const type = request.headers['content-type'] ?? '';
  if (typeof body === 'string' || typeof request.rawBody === 'string') {
    return 'a text parser, such as express.text()';
  }
  if (typeof body !== 'object' || body === null) return 'something that left nothing behind';
  if (type.includes('urlencoded')) return 'a form parser, such as express.urlencoded()';
  return 'a JSON parser, such as express.json()';
}
