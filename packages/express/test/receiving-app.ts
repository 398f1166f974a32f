import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { signWebhook } from '@ezthrottle/core/webhooks';
import type { Application } from 'express';

export const secret = 'the secret of these tests';

/** An application that really listens, on a free port of this machine. */
export interface ReceivingApp {
  readonly url: string;
  readonly close: () => Promise<void>;
}

export async function listen(app: Application): Promise<ReceivingApp> {
  const server: Server = createServer(app);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = addressOf(server);
  return {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function addressOf(server: Server): AddressInfo {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening on a port');
  return address;
}

export interface Sent {
  readonly key?: string;
  readonly type?: string;
  readonly signature?: string;
}

/** Sends a body as the server sends a delivery: signed over the very bytes. */
export function send(url: string, body: string, how: Sent = {}): Promise<Response> {
  const timestampSeconds = Math.floor(Date.now() / 1000);
  const signed = signWebhook({ body, secret: how.key ?? secret, timestampSeconds });
  const headers = {
    'content-type': how.type ?? 'application/json',
    'x-ezthrottle-signature': how.signature ?? signed,
  };
  return fetch(url, { method: 'POST', body, headers });
}

/** The body of a delivery; spaced so that parsing and writing it again gives other bytes. */
export function delivery(id: string, note = ''): string {
  const fields = JSON.stringify({ delivery_id: id, job_id: 'job', status: 'success', note });
  return ` ${fields.replaceAll(':', ' :  ')}\n`;
}
