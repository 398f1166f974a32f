// An application that receives deliveries, and never saw the tree whose steps it runs.
// Argument: what it knows, as JSON. Prints its port.
import { createServer } from 'node:http';
import SqliteDatabase from 'better-sqlite3';
import { EZThrottle } from '@ezthrottle/core';
import { sqliteDedupe } from '@ezthrottle/core/dedupe/sqlite';
import { nodeListener } from '@ezthrottle/core/node';
import type { DedupeStore } from '@ezthrottle/core/webhooks';

export interface ReceiveTask {
  readonly webhookSecret: string;
  readonly continuationKey: string;
  /** Its own address, as it stands in webhooks. */
  readonly endpoint: string;
  /** To submit what follows by; a receiver that submits nothing needs none. */
  readonly server: { readonly baseUrl: string; readonly apiKey: string } | null;
  /** File of what is done, which outlives the process. */
  readonly dedupeFile: string;
  readonly leaseMs: number;
  /** `refusing`: its handler fails. `stalling`: continuations run, but never get to their commit. */
  readonly manner: 'good' | 'refusing' | 'stalling';
}

const task: ReceiveTask = JSON.parse(process.argv[2] ?? '');
const { continuationKey, webhookSecret, leaseMs, manner } = task;
const handled: string[] = [];
const client = new EZThrottle({ ...(task.server ?? { apiKey: 'none' }), continuationKey });
const listener = nodeListener({
  secrets: webhookSecret,
  leaseMs,
  handlerTimeoutMs: leaseMs - 500,
  dedupe: storeOf(manner),
  continuations: client.continuations({ endpoint: task.endpoint }),
  onError: () => undefined,
  on: {
    any({ jobId }) {
      if (manner === 'refusing') throw new Error('not today');
      handled.push(jobId);
    },
  },
});

const server = createServer((request, response) => {
  if (request.method === 'GET') response.end(JSON.stringify({ handled }));
  else listener(request, response);
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  console.log(JSON.stringify({ port: typeof address === 'object' ? address?.port : null }));
});

function storeOf(how: ReceiveTask['manner']): DedupeStore {
  const store = sqliteDedupe(new SqliteDatabase(task.dedupeFile, { timeout: 1_000 }));
  if (how !== 'stalling') return store;
  const never = new Promise<never>(() => undefined);
  return {
    begin: store.begin.bind(store),
    release: store.release.bind(store),
    commit: (id, token, ttlMs) =>
      id.startsWith('continuation:') ? never : store.commit(id, token, ttlMs),
  };
}
