/**
 * A user's web application: Express, the EZThrottle client and the receiver. It starts chains, gets
 * the signed results and carries on what was left for it, also when it was restarted in between.
 */
import { createServer } from 'node:http';
import { EZThrottle, Step, StepType } from '@ezthrottle/core';
import { createReceiver } from '@ezthrottle/core/webhooks';
import { ezthrottle } from '@ezthrottle/express';
import express from 'express';
import { announce } from '../processes/announce.ts';
import { environment } from './environment.ts';

const { apiKey, serverUrl, signingSecret, targetUrl, port } = environment();
const ownUrl = (): string => `http://127.0.0.1:${listeningPort()}`;

const client = new EZThrottle({ apiKey, baseUrl: serverUrl, webhookSecret: signingSecret });
const received: unknown[] = [];

const receiver = createReceiver({
  secrets: signingSecret,
  continuations: client.continuations(),
});
receiver.onAny((delivery) => {
  received.push({
    pid: process.pid,
    at: Date.now(),
    jobId: delivery.jobId,
    idempotentKey: delivery.idempotentKey,
    status: delivery.status,
    statusCode: delivery.response?.statusCode ?? null,
    path: delivery.path ?? null,
    error: delivery.error ?? null,
    attempt: delivery.attempt ?? null,
    metadata: delivery.metadata,
  });
});

const app = express();
app.post('/webhooks', ezthrottle(receiver));

/** FRUGAL here → PERFORMANCE on the server → FRUGAL here again, when the delivery has come. */
app.post('/chains/:scenario', (request, response, next) => {
  const target = `${targetUrl}/${request.params.scenario}`;
  new Step(client)
    .url(`${target}/status/200?step=first`)
    .type(StepType.FRUGAL)
    .onSuccess(
      new Step(client)
        .url(`${target}/slow/1200?step=second`)
        .idempotentStrategy('unique')
        .webhooks([{ url: `${ownUrl()}/webhooks` }])
        .onSuccess(
          new Step(client)
            .url(`${target}/status/200?step=third`)
            .method('POST')
            .body('carried on')
            .type(StepType.FRUGAL),
        ),
    )
    .execute()
    .then((result) => response.json({ pid: process.pid, result }))
    .catch(next);
});

app.get('/__received', (_request, response) => {
  response.json(received);
});

const server = createServer(app);
announce(server, port);

function listeningPort(): number {
  const address = server.address();
  return address !== null && typeof address === 'object' ? address.port : port;
}
