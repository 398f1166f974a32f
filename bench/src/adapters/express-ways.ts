import { createReceiver } from '@ezthrottle/core/webhooks';
import { ezthrottle } from '@ezthrottle/express';
import { createNodeMiddleware, Webhooks } from '@octokit/webhooks';
import express, { type RequestHandler } from 'express';
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
import { listen } from './listen.ts';
import { SECRET } from './signing.ts';

function route(...handlers: RequestHandler[]): StartWay {
  return () => listen(express().post('/hook', ...handlers));
}

function direct(): StartWay {
  const receiver = createReceiver(UNSIGNED);
  return route(express.raw({ type: () => true }), async (request, response) => {
    const { method, body } = request;
    const answer = await receiver.receive({ method, header: (name) => request.get(name), body });
    response.status(answer.status).set(answer.headers).end(answer.body);
  });
}

export const expressWays: FrameworkWays = {
  bare: route(express.json(), (_request, response) => {
    response.json(RECEIVED);
  }),
  adapter: route(ezthrottle(onlyReading())),
  direct: direct(),
  unsigned: route(ezthrottle(UNSIGNED)),
  signed: route(ezthrottle({ secrets: SECRET, on: { any: doNothing } })),
  octokit: () => {
    const webhooks = new Webhooks({ secret: SECRET, log: SILENT });
    webhooks.onAny(doNothing);
    return listen(express().use(createNodeMiddleware(webhooks, { path: '/hook', log: SILENT })));
  },
  svix: route(express.raw({ type: 'application/json' }), (request, response) => {
    const headers = {
      'svix-id': request.get('svix-id') ?? '',
      'svix-timestamp': request.get('svix-timestamp') ?? '',
      'svix-signature': request.get('svix-signature') ?? '',
    };
    try {
      new Webhook(SECRET).verify(request.body, headers);
    } catch {
      response.status(400).json({});
      return;
    }
    JSON.parse(String(request.body));
    response.json(RECEIVED);
  }),
};
