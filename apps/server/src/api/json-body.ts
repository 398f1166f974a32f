import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ApiError } from './api-error.ts';

/** Brackets within brackets. The deepest tree of steps stays far below. */
const MAX_DEPTH = 1_500;

/**
 * Reads request bodies: JSON in UTF-8, of bounded depth. Every key stands for itself, `__proto__` as
 * well: parsing makes it a member like any other, and nothing here assigns members by their name. An
 * empty body is `undefined`. Every other content type is refused, and so is what is compressed.
 */
export function acceptJsonOnly(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    /^application\/(?:[\w.-]+\+)?json(?:;|$)/i,
    { parseAs: 'buffer' },
    (request: FastifyRequest, body: Buffer, done) => {
      const read = readBody(request, body);
      if (read instanceof ApiError) done(read);
      else done(null, read.value);
    },
  );
}

/** What the body says, or why it is refused. */
function readBody(request: FastifyRequest, body: Buffer): { readonly value: unknown } | ApiError {
  try {
    refuseEncoded(request.headers['content-encoding']);
    return { value: body.length === 0 ? undefined : parsed(body) };
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
}

/** @throws ApiError `unsupported_media_type` for a body that would have to be unpacked first. */
function refuseEncoded(encoding: string | undefined): void {
  if (encoding === undefined || /^(?:identity)?$/i.test(encoding.trim())) return;
  throw new ApiError(
    'unsupported_media_type',
    'the request body must not be compressed: send it without Content-Encoding',
    { headers: { 'Accept-Encoding': 'identity' } },
  );
}

/** @throws ApiError `invalid_json` */
function parsed(body: Buffer): unknown {
  const text = decode(body);
  if (text === null) throw new ApiError('invalid_json', 'the request body is not UTF-8');
  return parseJson(text);
}

/**
 * JSON of bounded depth.
 *
 * @throws ApiError `invalid_json`
 */
export function parseJson(text: string): unknown {
  if (text.length > MAX_DEPTH && isDeeperThan(text, MAX_DEPTH)) {
    throw new ApiError(
      'invalid_json',
      `the request body is nested deeper than ${MAX_DEPTH} levels`,
    );
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalid(error);
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function decode(body: Buffer): string | null {
  try {
    return utf8.decode(body);
  } catch {
    return null;
  }
}

/** The parser quotes what it stumbled over, which may be a secret: only the place is repeated. */
function invalid(error: unknown): ApiError {
  const place = /at position (\d+)/.exec(error instanceof Error ? error.message : '')?.[1];
  return new ApiError(
    'invalid_json',
    place === undefined
      ? 'the request body is not JSON'
      : `the request body is not JSON at position ${place}`,
  );
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

function isDeeperThan(text: string, limit: number): boolean {
  let depth = 0;
  let isInString = false;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (isInString) {
      if (code === BACKSLASH) index += 1;
      else if (code === QUOTE) isInString = false;
    } else if (code === QUOTE) {
      isInString = true;
    } else if (code === 0x7b || code === 0x5b) {
      depth += 1;
      if (depth > limit) return true;
    } else if (code === 0x7d || code === 0x5d) {
      depth -= 1;
    }
  }
  return false;
}
