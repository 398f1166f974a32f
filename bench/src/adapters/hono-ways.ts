import type { AddressInfo } from 'node:net';
import { createReceiver } from '@ezthrottle/core/webhooks';
import { ezthrottle } from '@ezthrottle/hono';
import { serve } from '@hono/node-server';
import { Webhooks } from '@octokit/webhooks';
import { Hono, type Handler } from 'hono';
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
import { octokitHeaders, svixHeaders } from './peer-headers.ts';
import { SECRET } from './signing.ts';

function route(handler: Handler): StartWay {
  const app = new Hono().post('/hook', handler);
  return () =>
    new Promise((resolve) => {
      const { fetch } = app;
      serve({ fetch, port: 0, hostname: '127.0.0.1' }, ({ port }: AddressInfo) => resolve(port));
    });
}

function direct(): StartWay {
  const receiver = createReceiver(UNSIGNED);
  return route(async ({ req }) => {
    const { status, headers, body } = await receiver.receive({
      method: req.method,
      header: (name) => req.header(name),
      body: new Uint8Array(await req.arrayBuffer()),
    });
    return new Response(body, { status, headers });
  });
}

/** Its middleware is for node:http and Express; elsewhere its documentation says `verifyAndReceive`. */
function octokit(): StartWay {
  const webhooks = new Webhooks({ secret: SECRET, log: SILENT });
  webhooks.onAny(doNothing);
  return route(async (context) => {
    const payload = await context.req.text();
    const header = (name: string): string | undefined => context.req.header(name);
    try {
      await webhooks.verifyAndReceive({ ...octokitHeaders(header), payload });
    } catch {
      return context.json({}, 400);
    }
    return context.json(RECEIVED);
  });
}

/** On Node, by its own server for it. */
export const honoWays: FrameworkWays = {
  bare: route(async (context) => {
    await context.req.json();
    return context.json(RECEIVED);
  }),
  adapter: route(ezthrottle(onlyReading())),
  direct: direct(),
  unsigned: route(ezthrottle(UNSIGNED)),
  signed: route(ezthrottle({ secrets: SECRET, on: { any: doNothing } })),
  octokit: octokit(),
  svix: route(async (context) => {
    const body = await context.req.text();
    try {
      new Webhook(SECRET).verify(
        body,
        svixHeaders((name) => context.req.header(name)),
      );
    } catch {
      return context.json({}, 400);
    }
    JSON.parse(body);
    return context.json(RECEIVED);
  }),
};
