import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type PostgresService, startPostgres } from '../../../scripts/services/postgres.ts';
import { submitInTransaction, submitManyInTransaction } from '../src/index.ts';
import { type Application, openApplication } from './application.ts';
import { DRIVERS } from './drivers.ts';

let postgres: PostgresService;
let application: Application;
let orders = 0;

beforeAll(async () => {
  postgres = await startPostgres();
  application = await openApplication(postgres.url);
  await application.startNode();
}, 180_000);

afterAll(async () => {
  await application?.[Symbol.asyncDispose]();
  await postgres?.[Symbol.asyncDispose]();
});

/** An order and the job that goes with it, neither of which was there before. */
function nextOrder() {
  orders += 1;
  const path = `/orders/${orders}`;
  const job = { url: application.target.url(path), method: 'POST' };
  return { id: orders, path, job, options: { apiKey: application.apiKey } };
}

const isCalled = (path: string) =>
  application.target.waitFor((requests) => requests.some((request) => request.path === path));

const orderExists = async (id: number): Promise<boolean> =>
  (await application.query('SELECT FROM orders WHERE id = $1', [id])).length > 0;

describe.each(DRIVERS)('a job that is submitted in a transaction of %s', (_, open) => {
  test('runs when the transaction is committed', async () => {
    await using driver = await open(application.url);
    const { id, path, job, options } = nextOrder();
    let jobId = '';
    await driver.transaction(async ({ handle, insertOrder }) => {
      await insertOrder(id);
      ({ jobId } = await submitInTransaction(handle, job, options));
    });

    await isCalled(path);

    expect(await orderExists(id)).toBe(true);
    await application.drained();
    expect(await application.knownJobs([jobId])).toEqual([jobId]);
  });

  test('does not exist when the transaction is rolled back', async () => {
    await using driver = await open(application.url);
    const { id, path, job, options } = nextOrder();
    let jobId = '';
    const rolledBack = driver.transaction(async ({ handle, insertOrder }) => {
      await insertOrder(id);
      ({ jobId } = await submitInTransaction(handle, job, options));
      throw new RangeError('out of stock');
    });
    await expect(rolledBack).rejects.toThrow('out of stock');
    // What comes later is taken over later.
    const after = nextOrder();
    await driver.transaction(async ({ handle }) => {
      await submitInTransaction(handle, after.job, after.options);
    });
    await isCalled(after.path);
    await application.drained();

    expect(await orderExists(id)).toBe(false);
    expect(await application.knownJobs([jobId])).toEqual([]);
    expect(application.target.requests.map((request) => request.path)).not.toContain(path);
  });

  test('is one of many that are submitted at once, in their order', async () => {
    await using driver = await open(application.url);
    const all = Array.from({ length: 30 }, nextOrder);
    let ids: readonly string[] = [];
    await driver.transaction(async ({ handle }) => {
      const jobs = all.map(({ job }) => job);
      const submitted = await submitManyInTransaction(handle, jobs, { apiKey: application.apiKey });
      ids = submitted.map(({ jobId }) => jobId);
    });
    await Promise.all(all.map(({ path }) => isCalled(path)));
    await application.drained();

    const rows = await application.query(
      'SELECT public_id AS id, url FROM ezthrottle.jobs WHERE public_id = ANY($1)',
      [ids],
    );
    const urls = new Map(rows.map(({ id, url }) => [id, url]));
    expect(ids.map((id) => urls.get(id))).toEqual(all.map(({ job }) => job.url));
  });

  test('is refused where there is no transaction', async () => {
    await using driver = await open(application.url);
    const { path, job, options } = nextOrder();
    // As somebody without types would.
    const submitting: unknown = Reflect.apply(submitInTransaction, undefined, [
      driver.outside,
      job,
      options,
    ]);

    await expect(submitting).rejects.toMatchObject({
      code: expect.stringMatching(/^(no|unknown)_transaction$/),
    });
    await application.drained();
    expect(application.target.requests.map((request) => request.path)).not.toContain(path);
  });

  test('ends the transaction with a clear error when the API key may not submit', async () => {
    await using driver = await open(application.url);
    const { id, job } = nextOrder();
    const refused = driver.transaction(async ({ handle, insertOrder }) => {
      await insertOrder(id);
      await submitInTransaction(handle, job, { apiKey: 'of somebody else' });
    });

    await expect(refused).rejects.toMatchObject({ code: 'unauthorized' });
    expect(await orderExists(id)).toBe(false);
  });

  test('ends the transaction with a clear error where there is no inbox', async () => {
    await using driver = await open(application.url);
    const { id, job, options } = nextOrder();
    const refused = driver.transaction(async ({ handle, insertOrder }) => {
      await insertOrder(id);
      await submitInTransaction(handle, job, { ...options, schema: 'elsewhere' });
    });

    await expect(refused).rejects.toMatchObject({
      code: 'inbox_missing',
      message: expect.stringContaining('"elsewhere".submit_v1 does not exist'),
    });
  });
});
