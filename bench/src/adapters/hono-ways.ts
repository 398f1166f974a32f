import type { AddressInfo } from 'node:net';
import { createReceiver } from '@ezthrottle/core/webhooks';
import { ezthrottle } from '@ezthrottle/hono';
import { serve } from '@hono/node-server';
import { Hono, type Handler } from 'hono';
import { doNothing, RECEIVED, UNSIGNED, type FrameworkWays, type StartWay } from './framework.ts';
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

/** On Node, by its own server for it. */
export const honoWays: FrameworkWays = {
  bare: route(async (context) => {
    await context.req.json();
    return context.json(RECEIVED);
  }),
  direct: direct(),
  unsigned: route(ezthrottle(UNSIGNED)),
  signed: route(ezthrottle({ secrets: SECRET, on: { any: doNothing } })),
};
