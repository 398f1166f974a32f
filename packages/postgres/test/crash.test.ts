import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
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
  postgres = await startPostgres();
}, 180_000);

afterAll(() => postgres[Symbol.asyncDispose]());

beforeEach(async () => {
  application = await openApplication(postgres.url);
});

afterEach(() => application[Symbol.asyncDispose]());

const pathsCalled = (): readonly string[] =>
  application.target.requests.map(({ path }) => path).sort();

/** Places orders, each with its job; every third is rolled back. Gives those that were committed. */
async function placeOrders(pool: Pool, from: number, count: number): Promise<readonly number[]> {
  const placed: number[] = [];
  for (let id = from; id < from + count; id += 1) {
    const client = await pool.connect();
    try {
      await client.query('BEGIN');
      await client.query('INSERT INTO orders (id) VALUES ($1)', [id]);
      const job = { url: application.target.url(`/orders/${id}`), method: 'POST' };
      await submitInTransaction(client, job, { apiKey: application.apiKey });
      if (id % 3 === 0) {
        await client.query('ROLLBACK');
      } else {
        await client.query('COMMIT');
        placed.push(id);
      }
    } finally {
      client.release();
    }
  }
  return placed;
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
    await placeOrders(pool, 2, 1);
    await pool.end();

    await target.waitFor(1);
    await application.drained();

    expect(await application.query('SELECT id FROM orders')).toEqual([{ id: 2 }]);
    expect(await application.knownJobs([String(jobId)])).toEqual([]);
    expect(pathsCalled()).toEqual(['/orders/2']);
  });

  test('is done exactly where there is an order, while nodes are killed in between', async () => {
    const { target, url } = application;
    const nodes = [await application.startNode(), await application.startNode()];
    const pool = new Pool({ connectionString: url, max: 4 });
    const placing = Promise.all(
      [0, 1, 2, 3].map((part) => placeOrders(pool, part * 1_000 + 1, 120)),
    );
    // Whatever they are at: taking over, or saying that they have.
    for (const node of nodes) {
      await target.waitFor((requests) => requests.length >= 10);
      target.clear();
      await node.kill();
      nodes.push(await application.startNode());
      if (nodes.length === 5) break;
    }
    const placed = (await placing).flat().sort((a, b) => a - b);
    await pool.end();
    await application.drained();

    const orders = await application.query('SELECT id FROM orders ORDER BY id');
    expect(orders.map(({ id }) => id)).toEqual(placed);
    // One job for each order, no more and no fewer.
    const jobs = await application.query('SELECT url FROM ezthrottle.jobs');
    const done = jobs.map((job) => Number(/\d+$/.exec(String(job['url']))?.[0]));
    expect(done.sort((a, b) => a - b)).toEqual(placed);
    expect(await application.query('SELECT FROM ezthrottle.inbox_refusals')).toEqual([]);
  }, 60_000);
});
