import { HEADERS } from '@ezthrottle/core/protocol';
import type { FastifyRequest } from 'fastify';
import type { ApiKeys, Caller } from '../tenancy/api-keys.ts';
import { ApiError } from './api-error.ts';

const BEARER = /^bearer +(\S+)$/i;
const ALIAS = HEADERS.apiKeyAlias.toLowerCase();

/** Who calls, by `Authorization: Bearer` or its alias. The refusal says nothing about why. */
export function createAuthentication(keys: ApiKeys): {
  /** @throws ApiError `unauthorized` */
  check(request: FastifyRequest): Promise<void>;
  callerOf(request: FastifyRequest): Caller;
} {
  // Beside the request, not on it: nothing that prints a request prints this.
  const callers = new WeakMap<FastifyRequest, Caller>();
  return {
    async check(request) {
      const key = keyOf(request);
      const caller = key === null ? null : await keys.authenticate(key);
      if (caller === null) {
        throw new ApiError('unauthorized', 'a valid API key is required', {
          headers: { 'WWW-Authenticate': 'Bearer' },
        });
      }
      callers.set(request, caller);
    },
    callerOf(request) {
      const caller = callers.get(request);
      if (caller === undefined) throw new ApiError('unauthorized', 'a valid API key is required');
      return caller;
    },
  };
}

function keyOf(request: FastifyRequest): string | null {
  const bearer = BEARER.exec(request.headers.authorization ?? '')?.[1];
  if (bearer !== undefined) return bearer;
  const alias = request.headers[ALIAS];
  return typeof alias === 'string' && alias !== '' ? alias : null;
}
