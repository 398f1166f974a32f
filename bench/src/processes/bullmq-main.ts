// The same service written with BullMQ: accept over HTTP, queue, call the target, send the signed
// result. One process that accepts and works (or two, one for each), as small as it can be written; it neither paces nor
// keeps results, and a delivery that fails is retried with its whole job.

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { signWebhook } from '@ezthrottle/core/protocol';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { Agent, request } from 'undici';
import type { Work } from '../work.ts';
import { inputOfChild, say } from './child.ts';

export interface BullmqOrder {
  readonly redis: string;
  readonly secret: string;
  /** Jobs that run at once; 0: only accept. */
  readonly concurrency: number;
  /** What this process does; the other half does another one. */
  readonly role: 'both' | 'accept' | 'work';
}

const { redis, secret, concurrency, role } = inputOfChild<BullmqOrder>();
const NAME = 'work';
const dispatcher = new Agent({ connections: Math.max(1, concurrency), pipelining: 1 });

const queue = new Queue<Work>(NAME, {
  connection: new Redis(redis, { maxRetriesPerRequest: null }),
  defaultJobOptions: { attempts: 3, removeOnComplete: true, removeOnFail: true },
});

async function callTarget(work: Work): Promise<{ status_code: number; body: string }> {
  const { url, method, headers, body } = work;
  const answer = await request(url, { method, headers, body, dispatcher });
  return { status_code: answer.statusCode, body: await answer.body.text() };
}

async function deliver(url: string, jobId: string, response: object): Promise<void> {
  const payload = { delivery_id: randomUUID(), job_id: jobId, status: 'success', response };
  const body = JSON.stringify(payload);
  const signature = signWebhook({
    body,
    secret,
    timestampSeconds: Math.floor(Date.now() / 1000),
  });
  const answer = await request(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-ezthrottle-signature': signature },
    body,
    dispatcher,
  });
  await answer.body.dump();
  if (answer.statusCode !== 200) throw new Error(`the receiver answered ${answer.statusCode}`);
}

if (concurrency > 0 && role !== 'accept') {
  const connection = new Redis(redis, { maxRetriesPerRequest: null });
  const worker = new Worker<Work>(
    NAME,
    async (job) => {
      const response = await callTarget(job.data);
      await Promise.all(job.data.webhooks.map(({ url }) => deliver(url, job.id ?? '', response)));
    },
    { connection, concurrency },
  );
  worker.on('error', (error) => console.error(error));
  await worker.waitUntilReady();
}

const server = createServer({ keepAliveTimeout: 60_000 }, (incoming, outgoing) => {
  const chunks: Buffer[] = [];
  incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
  incoming.once('end', () => {
    const body: Work | { readonly jobs: readonly Work[] } = JSON.parse(
      Buffer.concat(chunks).toString(),
    );
    const added =
      'jobs' in body
        ? queue.addBulk(body.jobs.map((data) => ({ name: 'call', data })))
        : queue.add('call', body).then((job) => [job]);
    added.then(
      (jobs) => {
        const answer = JSON.stringify(jobs.map(({ id }) => ({ job_id: id, status: 'queued' })));
        outgoing.writeHead(201, {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(answer),
        });
        outgoing.end(answer);
      },
      (error: unknown) => {
        outgoing.writeHead(500).end(String(error));
      },
    );
  });
}).listen(0, '127.0.0.1');
await once(server, 'listening');
const address = server.address();
if (address === null || typeof address === 'string') throw new Error('no port was given');
say({ url: `http://127.0.0.1:${address.port}/jobs` });
