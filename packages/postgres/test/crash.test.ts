import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { join } from 'node:path';
import { Pool } from 'pg';
import { type PostgresService, startPostgres } from '../../../scripts/services/postgres.ts';
import { startProgram } from '../../core/test/source-program.ts';
import { submitInTransaction } from '../src/index.ts';
import { type Application, openApplication } from './application.ts';

const ORDER_AND_WAIT = join(import.meta.dirname, 'processes/order-and-wait.ts');

let postgres: PostgresService;
let application: Application;

beforeAll(async () => {
  // One that is somebody else's is not ours to crash.
  vi.stubEnv('TEST_DATABASE_URL', '');
  postgres = await startPostgres();
}, 180_000);

afterAll(async () => {
  vi.unstubAllEnvs();
  await postgres[Symbol.asyncDispose]();
});

beforeEach(async () => {
  application = await openApplication(postgres.url);
});

afterEach(() => application[Symbol.asyncDispose]());

const pathsCalled = (): readonly string[] =>
  application.target.requests.map(({ path }) => path).sort();

/** Every order has its job, and every job its order. */
async function expectJobsOfOrders(): Promise<void> {
  const orders = await application.query('SELECT id FROM orders ORDER BY id');
  const jobs = await application.query('SELECT url FROM ezthrottle.jobs');
  const done = jobs.map((job) => Number(/\d+$/.exec(String(job['url']))?.[0]));
  expect(done.sort((a, b) => a - b)).toEqual(orders.map(({ id }) => id));
  expect(await application.query('SELECT FROM ezthrottle.inbox_refusals')).toEqual([]);
}

/** Places an order with its job; every third is rolled back. */
async function placeOrder(pool: Pool, id: number): Promise<void> {
  const client = await pool.connect();
  let isBroken = true;
  try {
    await client.query('BEGIN');
    await client.query('INSERT INTO orders (id) VALUES ($1)', [id]);
    const job = { url: application.target.url(`/orders/${id}`), method: 'POST' };
    await submitInTransaction(client, job, { apiKey: application.apiKey });
    await client.query(id % 3 === 0 ? 'ROLLBACK' : 'COMMIT');
    isBroken = false;
  } finally {
    client.release(isBroken);
  }
}

/** Places orders while `meanwhile` goes on; whatever fails, the next one comes. */
async function placingOrders(meanwhile: () => Promise<void>): Promise<void> {
  const pool = new Pool({ connectionString: application.url, max: 4 });
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  let isOver = false;
  const placing = [0, 1, 2].map(async (part) => {
    for (let id = part * 100_000 + 1; !isOver; id += 1) {
      await placeOrder(pool, id).catch(pause);
    }
  });
  try {
    await meanwhile();
  } finally {
    isOver = true;
    await Promise.all(placing);
    await pool.end();
  }
  await application.drained();
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20));
}

describe('the job of an order', () => {
  test('goes with the order when the application is killed before it has committed', async () => {
    await application.startNode();
    const { apiKey, target, url } = application;
    const crashed = await startProgram(
      ORDER_AND_WAIT,
      [url, apiKey, target.url('/orders/1'), '1'],
      import.meta.dirname,
    );
    const { jobId } = crashed.facts;
    await crashed.kill();
    const pool = new Pool({ connectionString: url });
    await placeOrder(pool, 2);
    await pool.end();

    await target.waitFor(1);
    await application.drained();

    expect(await application.query('SELECT id FROM orders')).toEqual([{ id: 2 }]);
    expect(await application.knownJobs([String(jobId)])).toEqual([]);
    expect(pathsCalled()).toEqual(['/orders/2']);
  });

  test('is done exactly where there is an order, while nodes are killed in between', async () => {
    const { target } = application;
    const nodes = [await application.startNode(), await application.startNode()];
    await placingOrders(async () => {
      // Whatever they are at: taking over, or saying that they have.
      for (let kills = 0; kills < 3; kills += 1) {
        target.clear();
        await target.waitFor(10, 30_000);
        await nodes[kills]?.kill();
        nodes.push(await application.startNode());
      }
    });

    await expectJobsOfOrders();
  }, 120_000);

  test('is done exactly where there is an order, when the database crashes in between', async () => {
    const { target } = application;
    await application.startNode();
    await placingOrders(async () => {
      for (let crashes = 0; crashes < 2; crashes += 1) {
        target.clear();
        await target.waitFor(30, 30_000);
        await postgres.restart('immediate');
      }
      target.clear();
      await target.waitFor(10, 30_000);
    });

    await expectJobsOfOrders();
  }, 120_000);
});
