// One of several instances of an application: a receiver behind node:http, over a shared store.
// Argument: a ReceiverTask as JSON. Prints its port, and ends when it is killed.
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { nodeListener } from '@ezthrottle/core/node';
import { createReceiver } from '@ezthrottle/core/webhooks';
import { Redis } from 'ioredis';
import { openStore, type StorePlace } from '../open-store.ts';

/** How an instance is started. */
export interface ReceiverTask {
  readonly place: StorePlace;
  readonly secret: string;
  /** A Redis hash of effects by job, and a list of the jobs whose handler was started. */
  readonly effects: { readonly redisUrl: string; readonly key: string };
  readonly leaseMs: number;
  /** Jobs with this tag never end here. */
  readonly hangsOn?: string;
}

const task: ReceiverTask = JSON.parse(process.argv[2] ?? '');
const { place, secret, leaseMs, hangsOn } = task;
const { redisUrl, key } = task.effects;
const effects = new Redis(redisUrl);
const { store } = await openStore(place);

const receiver = createReceiver({
  secrets: secret,
  dedupe: store,
  leaseMs,
  handlerTimeoutMs: leaseMs - 1,
});
receiver.onAny(async ({ jobId, tags }) => {
  await effects.rpush(`${key}:started`, jobId);
  if (hangsOn !== undefined && tags.includes(hangsOn)) await new Promise(() => undefined);
  // Long enough for many repetitions to arrive meanwhile.
  await sleep(20);
  await effects.hincrby(key, jobId, 1);
});

const server = createServer(nodeListener(receiver));
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  console.log(typeof address === 'object' ? address?.port : 0);
});
