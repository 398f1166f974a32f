import { type ApiKeyScope, HEADERS } from '@ezthrottle/core/protocol';
import type { FastifyRequest } from 'fastify';
import type { ApiKeys, Caller } from '../tenancy/api-keys.ts';
import { ApiError } from './api-error.ts';

const BEARER = /^bearer +(\S+)$/i;
const ALIAS = HEADERS.apiKeyAlias.toLowerCase();

/** Who calls, by `Authorization: Bearer` or its alias. A refused key is not told why; a known one is. */
export function createAuthentication(keys: ApiKeys): {
  /** @throws ApiError `unauthorized`, or `forbidden` when the key does not have the scope */
  check(request: FastifyRequest, scope: ApiKeyScope): Promise<void>;
  callerOf(request: FastifyRequest): Caller;
} {
  // Beside the request, not on it: nothing that prints a request prints this.
  const callers = new WeakMap<FastifyRequest, Caller>();
  return {
    async check(request, scope) {
      const key = keyOf(request);
      const caller = key === null ? null : await keys.authenticate(key);
      if (caller === null) {
        throw new ApiError('unauthorized', 'a valid API key is required', {
          headers: { 'WWW-Authenticate': 'Bearer' },
        });
      }
      if (!caller.scopes.includes(scope)) {
        const had = caller.scopes.join(', ');
        throw new ApiError('forbidden', `this needs the scope ${scope}; the API key has ${had}`);
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
