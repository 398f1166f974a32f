// The world outside a job server, in a process of its own: the API that jobs call, and the receiver
// of their signed results.

import { createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import { verifyWebhookSignature } from '@ezthrottle/core/webhooks';
import { epochMs, type Expectation, type OutsideOrder, type OutsideReport } from '../work.ts';
import { inputOfChild, say } from './child.ts';
import { type Message, readMessages } from './raw-http.ts';

const { secret, addresses } = inputOfChild<OutsideOrder>();
const ANSWER = JSON.stringify({ id: 'ch_1', status: 'succeeded' });
const CALLED = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${ANSWER.length}\r\n\r\n${ANSWER}`;
const TAKEN = 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n';
const REFUSED = 'HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n';
const SIGNATURE = /\r\nx-ezthrottle-signature: *([^\r]+)/i;
const JOB_ID = /"job_id": ?"([^"]+)"/;
/** The number at the end of a job's name. */
const NUMBER = /-(\d+)"/;

let expected = Number.POSITIVE_INFINITY;
let delivered = new Set<string>();
let deliveries = 0;
let refused = 0;
let hits: [number: number, at: number][] = [];

process.on('message', ({ jobs }: Expectation) => {
  expected = jobs;
  delivered = new Set();
  deliveries = 0;
  refused = 0;
  hits = [];
});

async function listen(take: (socket: Socket, message: Message) => void): Promise<string> {
  const server = createServer({ noDelay: true }, (socket) => {
    // All of 127.0.0.0/8 is listened to by listening to everything: nobody else is let in.
    if (socket.remoteAddress?.startsWith('127.') !== true) socket.destroy();
    socket.on('error', () => socket.destroy());
    readMessages(socket, (message) => take(socket, message));
  }).listen(0, addresses === 'all' ? '0.0.0.0' : '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  return `http://127.0.0.1:${address.port}`;
}

const target = await listen((socket, { body }) => {
  socket.write(CALLED);
  hits.push([Number(NUMBER.exec(body.toString('latin1'))?.[1]), epochMs()]);
});

const receiver = await listen((socket, { head, body }) => {
  const { verified } = verifyWebhookSignature(body, SIGNATURE.exec(head)?.[1], secret);
  socket.write(verified ? TAKEN : REFUSED);
  if (!verified) {
    refused += 1;
    return;
  }
  deliveries += 1;
  const jobId = JOB_ID.exec(body.toString())?.[1];
  if (jobId !== undefined) delivered.add(jobId);
  if (delivered.size < expected) return;
  expected = Number.POSITIVE_INFINITY;
  const report: OutsideReport = { type: 'reached', at: epochMs(), deliveries, hits, refused };
  say(report);
});

const listening: OutsideReport = { type: 'listening', target, receiver };
say(listening);
