// A job queue on PostgreSQL, in a process of its own: takes jobs in, one by one or in bulk, or fetches and
// completes what it has. Called as a library, without a server before it.

import { makeWorkerUtils } from 'graphile-worker';
import { Pool } from 'pg';
import { PgBoss } from 'pg-boss';
import { inputOfChild, say } from '../processes/child.ts';
import { epochMs, type Work, workOf } from '../work.ts';

export interface PeerOrder {
  readonly peer: 'pg-boss' | 'graphile-worker';
  readonly url: string;
  readonly task: 'add' | 'claim';
  readonly jobs: number;
  readonly warmUp: number;
  /** Calls at once. */
  readonly inFlight: number;
  /** Jobs in each call. */
  readonly batch: number;
}

export interface PeerReport {
  readonly type: 'warm' | 'done';
  readonly startedAt: number;
  readonly endedAt: number;
  /** Milliseconds of each call. */
  readonly latenciesMs: readonly number[];
}

interface Queue {
  add(works: readonly Work[]): Promise<void>;
  /** Fetches at most so many and completes them; gives how many. */
  claim(most: number): Promise<number>;
}

const CONNECTIONS = 16;
const NAME = 'call';
const PLACE = { target: 'http://127.0.0.1:9', receiver: 'http://127.0.0.1:9' };
const order = inputOfChild<PeerOrder>();

async function pgBoss(): Promise<Queue> {
  const boss = new PgBoss({
    connectionString: order.url,
    max: CONNECTIONS,
    schedule: false,
    supervise: false,
  });
  boss.on('error', (error) => console.error(error));
  await boss.start();
  await boss.createQueue(NAME);
  return {
    async add([work, ...others]) {
      if (work === undefined) return;
      if (others.length === 0) await boss.send(NAME, work);
      else
        await boss.insert(
          NAME,
          [work, ...others].map((data) => ({ data })),
        );
    },
    async claim(most) {
      const jobs = await boss.fetch<Work>(NAME, { batchSize: most });
      if (jobs.length > 0)
        await boss.complete(
          NAME,
          jobs.map(({ id }) => id),
        );
      return jobs.length;
    },
  };
}

async function graphileWorker(): Promise<Queue> {
  const pgPool = new Pool({ connectionString: order.url, max: CONNECTIONS });
  pgPool.on('error', (error) => console.error(error));
  pgPool.on('connect', (client) => client.on('error', (error) => console.error(error)));
  const queue = await makeWorkerUtils({ pgPool });
  await queue.migrate();
  return {
    async add([work, ...others]) {
      if (work === undefined) return;
      if (others.length === 0) await queue.addJob(NAME, work);
      else {
        await queue.addJobs([work, ...others].map((payload) => ({ identifier: NAME, payload })));
      }
    },
    claim: () => Promise.reject(new Error('graphile-worker fetches within its workers only')),
  };
}

const queue = order.peer === 'pg-boss' ? await pgBoss() : await graphileWorker();

async function add(name: string, jobs: number, at: Pick<PeerOrder, 'inFlight' | 'batch'>) {
  const latenciesMs: number[] = [];
  let sent = 0;
  const lane = async (): Promise<void> => {
    while (sent < jobs) {
      const first = sent;
      const count = Math.min(at.batch, jobs - first);
      sent += count;
      const works = Array.from({ length: count }, (_, index) =>
        workOf(PLACE, `${name}-${first + index}`, 180),
      );
      const begun = performance.now();
      await queue.add(works);
      latenciesMs.push(performance.now() - begun);
    }
  };
  await Promise.all(Array.from({ length: at.inFlight }, lane));
  return latenciesMs;
}

async function claim(jobs: number): Promise<number[]> {
  const latenciesMs: number[] = [];
  let left = jobs;
  const lane = async (): Promise<void> => {
    while (left > 0) {
      const begun = performance.now();
      const claimed = await queue.claim(Math.min(order.batch, left));
      latenciesMs.push(performance.now() - begun);
      left -= claimed;
      if (claimed === 0) throw new Error('there were fewer jobs than put in');
    }
  };
  await Promise.all(Array.from({ length: order.inFlight }, lane));
  return latenciesMs;
}

const { jobs, warmUp, task } = order;
if (task === 'add') await add('warm-up', warmUp, order);
else {
  // Half as many again, so that no lane finds it empty.
  await add('stored', Math.ceil(1.5 * (warmUp + jobs)), { inFlight: 4, batch: 100 });
  await claim(warmUp);
}
const report = (
  type: PeerReport['type'],
  startedAt: number,
  latenciesMs: readonly number[],
): void => say({ type, startedAt, endedAt: epochMs(), latenciesMs });
report('warm', epochMs(), []);
process.once('message', () => {
  const startedAt = epochMs();
  void (task === 'add' ? add('counted', jobs, order) : claim(jobs)).then((latenciesMs) =>
    report('done', startedAt, latenciesMs),
  );
});
