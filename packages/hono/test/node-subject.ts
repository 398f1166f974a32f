import type { Server } from 'node:http';
import { serve } from '@hono/node-server';
import type { AdapterSubject, RunningAdapter } from '@ezthrottle/testkit/adapter-suite';
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

export const honoOnNode: AdapterSubject = {
  name: 'Hono 4 on Node',
  parsers,
  async start({ prefix = '', ...options }): Promise<RunningAdapter> {
    const app = suiteApp({ ...options, ...(prefix === '' ? {} : { prefix }) });
    const { url, close } = await listen(app.fetch);
    return { url: `${url}${prefix}/hook`, echoUrl: `${url}${prefix}/echo`, close };
  },
};
