import { type ApiKeyScope, HEADERS } from '@ezthrottle/core/protocol';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ApiKeys, Caller } from '../tenancy/api-keys.ts';
import { ApiError } from './api-error.ts';

const BEARER = /^bearer +(\S+)$/i;
const ALIAS = HEADERS.apiKeyAlias.toLowerCase();

const CALLER = Symbol('caller');

/**
 * Hangs on the request, and shows nothing of what it holds to whatever prints the request. A map beside the
 * requests would say no more, and costs each of them more than all the rest of this file.
 */
class Known {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  get caller(): Caller {
    return this.#caller;
  }
}

/** Who calls, by `Authorization: Bearer` or its alias. A refused key is not told why; a known one is. */
export function createAuthentication(
  app: FastifyInstance,
  keys: Pick<ApiKeys, 'authenticate'>,
): {
  /** @throws ApiError `unauthorized`, or `forbidden` when the key does not have the scope */
  check(request: FastifyRequest, scope: ApiKeyScope): Promise<void>;
  callerOf(request: FastifyRequest): Caller;
} {
  app.decorateRequest(CALLER, null);
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
      request.setDecorator(CALLER, new Known(caller));
    },
    callerOf(request) {
      const known = request.getDecorator<Known | null>(CALLER);
      if (known === null) throw new ApiError('unauthorized', 'a valid API key is required');
      return known.caller;
    },
  };
}

function keyOf(request: FastifyRequest): string | null {
  const bearer = BEARER.exec(request.headers.authorization ?? '')?.[1];
  if (bearer !== undefined) return bearer;
  const alias = request.headers[ALIAS];
  return typeof alias === 'string' && alias !== '' ? alias : null;
}
