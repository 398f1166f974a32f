import { HEADERS } from '@ezthrottle/core/protocol';
import { sha256Hex } from '../digest.ts';
import type { MemoryStore } from '../store/memory-store.ts';
import { type ApiAnswer, type ApiRoute, keyOf, readJsonBody, requestIdOf } from './api-call.ts';
import { ApiRefusal } from './api-refusal.ts';

const PREFIX = '/api/v1';

export interface ApiParts {
  readonly store: MemoryStore;
  readonly routes: readonly ApiRoute[];
  readonly newId: () => string;
  readonly now: () => number;
}

/** The server's API without a port. Never rejects for what a request does wrong. */
export async function answerApi(request: Request, parts: ApiParts): Promise<Response> {
  const requestId = requestIdOf(request, parts.newId);
  const headers = {
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-store',
    [HEADERS.requestId]: requestId,
  };
  try {
    const answer = await handle(request, requestId, parts);
    return responseOf({ ...answer, headers: { ...headers, ...answer.headers } });
  } catch (error) {
    if (!(error instanceof ApiRefusal)) throw error;
    const body = JSON.stringify(error.body(requestId));
    return new Response(body, { status: error.status, headers: { ...headers, ...error.headers } });
  }
}

async function handle(request: Request, requestId: string, parts: ApiParts): Promise<ApiAnswer> {
  const { pathname, searchParams: query } = new URL(request.url);
  const path = pathname.startsWith(`${PREFIX}/`) ? pathname.slice(PREFIX.length) : '';
  const candidates = parts.routes.filter((route) => route.path.test(path));
  if (candidates.length === 0) {
    throw new ApiRefusal('not_found', 'there is nothing at this address');
  }
  const route = candidates.find(({ method }) => method === request.method);
  if (route === undefined) {
    const methods = new Set(candidates.flatMap(({ method }) => [method]));
    throw new ApiRefusal('method_not_allowed', `${request.method} is not answered here`, {
      headers: { Allow: [...methods].join(', ') },
    });
  }
  authenticate(request, parts);
  const [, ...params] = route.path.exec(path) ?? [];
  const decoded = params.map((param) => decodeURIComponent(param));
  return await route.handle({
    body: await readJsonBody(request),
    params: decoded,
    query,
    requestId,
    header: (name) => request.headers.get(name),
    signal: request.signal,
  });
}

function responseOf({ status, body, headers = {} }: ApiAnswer): Response {
  if (body instanceof ReadableStream) {
    const type = { 'content-type': 'text/event-stream; charset=utf-8' };
    return new Response(body, { status, headers: { ...headers, ...type } });
  }
  return new Response(body === undefined ? null : JSON.stringify(body), { status, headers });
}

function authenticate(request: Request, { store, now }: ApiParts): void {
  const key = keyOf(request);
  const record = key === null ? null : store.tenancy.apiKeyWith(sha256Hex(key));
  const isGood = record !== null && (record.expiresAt === null || record.expiresAt > now());
  if (isGood) return;
  throw new ApiRefusal('unauthorized', 'a valid API key is required', {
    headers: { 'WWW-Authenticate': 'Bearer' },
  });
}
