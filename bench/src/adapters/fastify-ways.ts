import { createReceiver } from '@ezthrottle/core/webhooks';
import { ezthrottle } from '@ezthrottle/fastify';
import { Webhooks } from '@octokit/webhooks';
import { fastify, type FastifyInstance, type FastifyRequest } from 'fastify';
import rawBody from 'fastify-raw-body';
import { Webhook } from 'svix';
import {
  doNothing,
  onlyReading,
  RECEIVED,
  SILENT,
  UNSIGNED,
  type FrameworkWays,
  type StartWay,
} from './framework.ts';
import { SECRET } from './signing.ts';

function start(prepare: (app: FastifyInstance) => unknown): StartWay {
  return async () => {
    const app = fastify();
    await prepare(app);
    return Number(new URL(await app.listen({ host: '127.0.0.1', port: 0 })).port);
  };
}

export const fastifyWays: FrameworkWays = {
  bare: start((app) => app.post('/hook', async () => RECEIVED)),
  adapter: start((app) => app.register(ezthrottle, { path: '/hook', receiver: onlyReading() })),
  direct: start((app) => {
    const receiver = createReceiver(UNSIGNED);
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) =>
      done(null, body),
    );
    app.post<{ Body: Buffer }>('/hook', async (request, reply) => {
      const { method, body } = request;
      const header = (name: string): string => headerOf(request, name);
      const answer = await receiver.receive({ method, header, body });
      return reply.code(answer.status).headers(answer.headers).send(answer.body);
    });
  }),
  unsigned: start((app) => app.register(ezthrottle, { path: '/hook', ...UNSIGNED })),
  signed: start((app) =>
    app.register(ezthrottle, { path: '/hook', secrets: SECRET, on: { any: doNothing } }),
  ),
  // Its middleware is for node:http and Express; elsewhere its documentation says `verifyAndReceive`.
  octokit: start((app) => {
    const webhooks = new Webhooks({ secret: SECRET, log: SILENT });
    webhooks.onAny(doNothing);
    keepText(app);
    app.post<{ Body: string }>('/hook', async (request) => {
      await webhooks.verifyAndReceive({
        id: headerOf(request, 'x-github-delivery'),
        name: headerOf(request, 'x-github-event'),
        signature: headerOf(request, 'x-hub-signature-256'),
        payload: request.body,
      });
      return RECEIVED;
    });
  }),
  svix: start(async (app) => {
    await app.register(rawBody, { global: false, runFirst: true });
    app.post('/hook', { config: { rawBody: true } }, async (request, reply) => {
      const headers = {
        'svix-id': headerOf(request, 'svix-id'),
        'svix-timestamp': headerOf(request, 'svix-timestamp'),
        'svix-signature': headerOf(request, 'svix-signature'),
      };
      try {
        new Webhook(SECRET).verify(request.rawBody ?? '', headers);
      } catch {
        return reply.code(400).send({});
      }
      return RECEIVED;
    });
  }),
};

function keepText(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, text, done) => done(null, text));
}

function headerOf({ headers }: FastifyRequest, name: string): string {
  return String(headers[name.toLowerCase()] ?? '');
}
