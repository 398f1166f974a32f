import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { HEADERS } from '@ezthrottle/core/protocol';

const NAME = HEADERS.requestId.toLowerCase();
const SANE = /^[\w.:-]{1,128}$/;

/** The caller's own id when it is harmless to repeat and to log, else a new one. */
export function requestIdOf(request: IncomingMessage): string {
  const given = request.headers[NAME];
  return typeof given === 'string' && SANE.test(given) ? given : randomUUID();
}
