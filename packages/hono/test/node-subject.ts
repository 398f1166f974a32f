import type { Server } from 'node:http';
import { serve } from '@hono/node-server';
import type { AdapterSubject, RunningAdapter } from '@ezthrottle/testkit/adapter-suite';
import type { Hono } from 'hono';
import { parsers, suiteApp } from './suite-app.ts';

/** Serves an app on a free port of loopback. */
async function listen(
  fetch: (request: Request) => Response | Promise<Response>,
): Promise<{ readonly url: string; readonly close: () => Promise<void> }> {
  const { server, port } = await new Promise<{ server: Server; port: number }>((resolve) => {
    const started = serve({ fetch, port: 0, hostname: '127.0.0.1' }, (address) => {
      if ('closeAllConnections' in started) resolve({ server: started, port: address.port });
    });
  });
  return {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A version of Hono, served by its own server for Node. */
export function nodeSubject(
  version: string,
  HonoClass: typeof Hono,
  others: NonNullable<AdapterSubject['parsers']> = {},
): AdapterSubject {
  return {
    name: `Hono ${version} on Node`,
    parsers: { ...parsers, ...others },
    async start({ prefix = '', ...options }): Promise<RunningAdapter> {
      const mounting = prefix === '' ? {} : { prefix };
      const app = suiteApp({ ...options, ...mounting, HonoClass });
      const { url, close } = await listen(app.fetch);
      return { url: `${url}${prefix}/hook`, echoUrl: `${url}${prefix}/echo`, close };
    },
  };
}
