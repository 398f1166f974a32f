import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { BodyAlreadyParsedError, BodyTooLargeError } from '../webhooks/errors.ts';
import { readStream } from './read-stream.ts';

/** A Node request, with what body parsers hang on it. */
export type ParsedIncomingMessage = IncomingMessage & {
  readonly rawBody?: unknown;
  readonly body?: unknown;
};

export interface RawBodyOptions {
  /** More bytes than this are refused. */
  readonly limitBytes: number;
  /** What to do when a parser was first, in the framework's own words. */
  readonly fix?: string | undefined;
  /** Where the body comes from when a hook of the framework has put itself in between. */
  readonly stream?: Readable | undefined;
}

const FIX =
  'Put the webhook route before whatever reads bodies (before app.use(express.json())), or give this route ' +
  'express.raw({ type: () => true }) instead, or keep the bytes: ' +
  'express.json({ verify: (request, _response, bytes) => { request.rawBody = bytes; } }).';

/**
 * The request's body as the bytes that were signed: `rawBody` or `body` when a parser left bytes there,
 * else the stream when nothing has read it yet; `Content-Encoding: gzip` and `deflate` are undone.
 * Never made up again from a parsed body.
 *
 * @throws {BodyTooLargeError} when there are more than `limitBytes`.
 * @throws {BodyAlreadyParsedError} when only a parsed body is left; it names the parser and the fix.
 * @throws {BodyUnreadableError} when the connection breaks before the end.
 */
export function readRawBody(
  request: ParsedIncomingMessage,
  options: RawBodyOptions,
): Promise<Uint8Array> {
  const { limitBytes, stream = request } = options;
  const kept = keptBytes(request);
  if (kept !== undefined) {
    if (kept.byteLength > limitBytes) return Promise.reject(new BodyTooLargeError(limitBytes));
    return Promise.resolve(kept);
  }
  if (stream.readableDidRead || stream.readableEnded) {
    const mistake = new BodyAlreadyParsedError(guessParser(request), options.fix ?? FIX);
    return Promise.reject(mistake);
  }
  const { 'content-length': length, 'content-encoding': encoding } = request.headers;
  if (length !== undefined && Number(length) > limitBytes) {
    stream.resume();
    return Promise.reject(new BodyTooLargeError(limitBytes));
  }
  return readStream(stream, limitBytes, encoding);
}

function keptBytes({ rawBody, body }: ParsedIncomingMessage): Uint8Array | undefined {
  if (rawBody instanceof Uint8Array) return rawBody;
  return body instanceof Uint8Array ? body : undefined;
}

/** Parsers leave no name behind, but what they leave may tell; what it does not tell is not guessed. */
function guessParser(request: ParsedIncomingMessage): string {
  const { body } = request;
  const type = request.headers['content-type']?.toLowerCase() ?? '';
  if (typeof body === 'string' || typeof request.rawBody === 'string') {
    return 'a text parser, such as express.text()';
  }
  const isObject = typeof body === 'object' && body !== null;
  // Only who understood the JSON finds the job in it.
  if (isObject && 'job_id' in body) return 'a JSON parser, such as express.json()';
  const isForm = type.startsWith('application/x-www-form-urlencoded');
  if (isObject && isForm) return 'a form parser, such as express.urlencoded()';
  return 'something before this webhook';
}
