// The world outside a job server, in a process of its own: the API that jobs call, and the receiver
// of their signed results.

import { createServer, type RequestListener } from 'node:http';
import { once } from 'node:events';
import { verifyWebhookSignature } from '@ezthrottle/core/webhooks';
import { epochMs, type Expectation, type OutsideReport } from '../work.ts';
import { inputOfChild, say } from './child.ts';

const { secret } = inputOfChild<{ secret: string }>();
const ANSWER = JSON.stringify({ id: 'ch_1', status: 'succeeded' });

let expected = Number.POSITIVE_INFINITY;
let delivered = new Set<string>();
let deliveries = 0;
let calls = 0;
let refused = 0;

process.on('message', ({ jobs }: Expectation) => {
  expected = jobs;
  delivered = new Set();
  deliveries = 0;
  calls = 0;
  refused = 0;
});

async function listen(listener: RequestListener): Promise<string> {
  const server = createServer({ keepAliveTimeout: 60_000 }, listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  return `http://127.0.0.1:${address.port}`;
}

const target = await listen((request, response) => {
  calls += 1;
  request.resume();
  request.once('end', () => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(ANSWER);
  });
});

const receiver = await listen((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.once('end', () => {
    const body = Buffer.concat(chunks);
    const signature = request.headers['x-ezthrottle-signature'];
    const { verified } = verifyWebhookSignature(body, signature, secret);
    response.writeHead(verified ? 200 : 401).end();
    if (!verified) {
      refused += 1;
      return;
    }
    deliveries += 1;
    delivered.add(JSON.parse(body.toString()).job_id);
    if (delivered.size < expected) return;
    expected = Number.POSITIVE_INFINITY;
    const report: OutsideReport = { type: 'reached', at: epochMs(), deliveries, calls, refused };
    say(report);
  });
});

const listening: OutsideReport = { type: 'listening', target, receiver };
say(listening);
