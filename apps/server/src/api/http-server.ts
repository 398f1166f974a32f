import { ERROR_STATUS, HEADERS } from '@ezthrottle/core/protocol';
import type { Clock } from '@ezthrottle/engine';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { ApiKeys } from '../tenancy/api-keys.ts';
import { ApiError } from './api-error.ts';
import { createAuthentication } from './authentication.ts';
import { createErrorReplies, type ReportFailure } from './error-replies.ts';
import { endConnectionsWithin } from './end-connections.ts';
import { acceptJsonOnly } from './json-body.ts';
import { refuseOnSocket, refuseUnrouted, requireHost } from './refuse-unrouted.ts';
import { requestIdOf } from './request-id.ts';
import type { Answer, Call, Method, Route, Surface } from './route.ts';

export interface HttpServerOptions {
  readonly surfaces: readonly Surface[];
  readonly apiKeys: ApiKeys;
  readonly clock: Clock;
  readonly maxBodyBytes: number;
  readonly report: ReportFailure;
  /** Told of each request that was answered. Absent: nobody wants to know. */
  readonly onAnswered?: ((request: AnsweredRequest) => void) | undefined;
  /** Whether writes do not get through: then nothing is taken that would wait for them. */
  readonly isStalled?: (() => boolean) | undefined;
  /** How long `close` waits for requests under way, in milliseconds. */
  readonly stopTimeoutMs: number;
}

export interface AnsweredRequest {
  readonly requestId: string;
  readonly method: string;
  /** Its pattern, such as `/api/v1/jobs/:id`; null: none matched. */
  readonly route: string | null;
  readonly status: number;
  readonly seconds: number;
}

export interface HttpServer {
  /** Resolves with the address, for example `http://127.0.0.1:8080`. */
  listen(host: string, port: number): Promise<string>;
  /** Takes no new requests, finishes those under way. */
  close(): Promise<void>;
}

const REQUEST_TIMEOUT_MS = 60_000;
const HEADERS_TIMEOUT_MS = 20_000;
const KEEP_ALIVE_MS = 72_000;
/** A key of a limit may be 512 characters, each of which takes up to nine in an address. */
const LONGEST_PARAMETER = 4_608;

/** Mounts surfaces on HTTP: authentication, request ids, JSON, limits and errors are the same for all. */
export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const replies = createErrorReplies(options.clock, options.report);
  const app = Fastify({
    logger: false,
    bodyLimit: options.maxBodyBytes,
    genReqId: requestIdOf,
    requestIdHeader: false,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    // Refused further down, with a body.
    http: { headersTimeout: HEADERS_TIMEOUT_MS, requireHostHeader: false },
    routerOptions: { maxParamLength: LONGEST_PARAMETER, ignoreTrailingSlash: true },
    // While closing, requests on open connections are answered as ever: the store closes after us.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    clientErrorHandler: refuseOnSocket,
    frameworkErrors: (error, request, reply) => {
      replies.send(error, request, reply);
    },
  });
  const endConnections = endConnectionsWithin(app.server, options.stopTimeoutMs);
  refuseUnrouted(app.server);
  acceptJsonOnly(app);
  app.addHook('onRequest', (request, reply, done) => {
    reply.header(HEADERS.requestId, request.id);
    requireHost(request.raw);
    if (request.method !== 'GET' && options.isStalled?.() === true) {
      throw new ApiError('unavailable', 'the store does not answer', { retryAfter: 2 });
    }
    done();
  });
  const { onAnswered } = options;
  if (onAnswered !== undefined) {
    app.addHook('onResponse', (request, reply, done) => {
      onAnswered({
        requestId: request.id,
        method: request.method,
        route: request.routeOptions.url ?? null,
        status: reply.statusCode,
        seconds: reply.elapsedTime / 1_000,
      });
      done();
    });
  }
  app.setErrorHandler((error, request, reply) => replies.send(error, request, reply));
  app.setNotFoundHandler((request, reply) =>
    replies.send(new ApiError('not_found', 'there is nothing at this address'), request, reply),
  );
  const authentication = createAuthentication(app, options.apiKeys);
  for (const surface of options.surfaces) mount(app, surface, authentication);
  await app.ready();

  return {
    listen: (host, port) => app.listen({ host, port }),
    async close() {
      const ended = endConnections();
      await app.close().finally(ended);
    },
  };
}

/** What the router and the query parser give. */
interface Inputs {
  Params: Record<string, string>;
  Querystring: Record<string, string | string[]>;
}

type Authentication = ReturnType<typeof createAuthentication>;

function mount(app: FastifyInstance, surface: Surface, authentication: Authentication): void {
  const methods = new Map<string, Set<Method>>();
  for (const route of surface.routes) {
    const url = surface.prefix + route.path;
    methods.set(url, (methods.get(url) ?? new Set()).add(route.method));
    app.route<Inputs>({
      method: route.method,
      url,
      ...(route.maxBodyBytes !== undefined && { bodyLimit: route.maxBodyBytes }),
      // A stream has no head that could be asked for without opening it.
      exposeHeadRoute: route.method === 'GET' && !route.path.endsWith('/stream'),
      onRequest: authenticating(route, authentication),
      handler: async (request, reply) =>
        send(reply, await answerOf(route, request, reply, authentication)),
    });
  }
  for (const [url, allowed] of methods) refuseOtherMethods(app, url, allowed);
}

function authenticating(
  { access }: Route,
  authentication: Authentication,
): ((request: FastifyRequest) => Promise<void>) | [] {
  return access === 'public' ? [] : (request) => authentication.check(request, access);
}

function answerOf(
  route: Route,
  request: FastifyRequest<Inputs>,
  reply: FastifyReply,
  authentication: Authentication,
): Promise<Answer> {
  const call = callOf(request, reply);
  return route.access === 'public'
    ? route.handle(call)
    : route.handle(call, authentication.callerOf(request));
}

function callOf(request: FastifyRequest<Inputs>, reply: FastifyReply): Call {
  return {
    body: request.body,
    params: request.params,
    query: request.query,
    header(name) {
      const value = request.headers[name.toLowerCase()];
      return typeof value === 'string' ? value : null;
    },
    requestId: request.id,
    onGone(listener) {
      reply.raw.once('close', listener);
    },
  };
}

function send(reply: FastifyReply, answer: Answer): FastifyReply {
  reply.code(answer.status).headers(answer.headers ?? {});
  if ('events' in answer) {
    return reply
      .headers({ 'Cache-Control': 'no-cache, no-transform', 'X-Accel-Buffering': 'no' })
      .type('text/event-stream; charset=utf-8')
      .send(answer.events);
  }
  reply.header('Cache-Control', 'no-store');
  if (answer.body === undefined) return reply.send();
  return reply.type('application/json; charset=utf-8').send(JSON.stringify(answer.body));
}

const OTHER_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;

function refuseOtherMethods(app: FastifyInstance, url: string, allowed: Set<Method>): void {
  const answered = new Set<string>(allowed);
  if (allowed.has('GET') && !url.endsWith('/stream')) answered.add('HEAD');
  const allow = [...answered].join(', ');
  app.route({
    method: OTHER_METHODS.filter((method) => !answered.has(method)),
    url,
    // Before the body is looked at: it does not matter what is in it.
    onRequest: async (request) => {
      throw new ApiError('method_not_allowed', `${request.method} is not answered here`, {
        headers: { Allow: allow },
      });
    },
    handler: (_request, reply) => reply.code(ERROR_STATUS.method_not_allowed).send(),
  });
}
