import { IdempotentStrategy, Step, StepType } from '@ezthrottle/core';
import { drizzle } from 'drizzle-orm/node-postgres';
import { Client, Pool } from 'pg';
import { afterAll, beforeAll, beforeEach, afterEach, describe, expect, test } from 'vitest';
import { type PostgresService, startPostgres } from '../../../scripts/services/postgres.ts';
import { submitInTransaction, submitManyInTransaction } from '../src/index.ts';
import { type Application, openApplication } from './application.ts';

let postgres: PostgresService;
let application: Application;
let client: Client;
let options: { readonly apiKey: string };

beforeAll(async () => {
  postgres = await startPostgres();
  application = await openApplication(postgres.url);
  await application.startNode();
  options = { apiKey: application.apiKey };
}, 180_000);

afterAll(async () => {
  await application?.[Symbol.asyncDispose]();
  await postgres?.[Symbol.asyncDispose]();
});

beforeEach(async () => {
  client = new Client({ connectionString: application.url });
  await client.connect();
  await client.query('BEGIN');
});

afterEach(async () => {
  await client.end();
  application.target.clear();
});

const pathsCalled = (): readonly string[] =>
  application.target.requests.map(({ path }) => path).sort();

describe('what is submitted in a transaction', () => {
  test('may be a step tree, of which all runs on the server', async () => {
    const { target } = application;
    const after = new Step().url(target.url('/after')).type(StepType.PERFORMANCE);
    const step = new Step()
      .url(target.url('/step'))
      .method('POST')
      .type(StepType.PERFORMANCE)
      .onSuccess(after);
    await submitInTransaction(client, step, options);
    await client.query('COMMIT');

    await target.waitFor(2);

    expect(pathsCalled()).toEqual(['/after', '/step']);
  });

  test('goes with its savepoint', async () => {
    const { target } = application;
    await submitInTransaction(client, { url: target.url('/before') }, options);
    await client.query('SAVEPOINT one');
    await submitInTransaction(client, { url: target.url('/within') }, options);
    await client.query('ROLLBACK TO SAVEPOINT one');
    await client.query('COMMIT');
    const pool = new Pool({ connectionString: application.url });
    const database = drizzle(pool);
    await database.transaction(async (outer) => {
      await submitInTransaction(outer, { url: target.url('/outer') }, options);
      const inner = outer.transaction(async (nested) => {
        await submitInTransaction(nested, { url: target.url('/inner') }, options);
        throw new RangeError('only the inner one');
      });
      await expect(inner).rejects.toThrow('only the inner one');
    });
    await pool.end();

    await target.waitFor(2);
    await application.drained();

    expect(pathsCalled()).toEqual(['/before', '/outer']);
  });

  test('may be refused here and leaves the transaction as good as it was', async () => {
    const { target } = application;
    const wrong = { url: 'ftp://nowhere', webhooks: [{ url: 'neither' }] };
    const refused = submitManyInTransaction(client, [{ url: target.url('/fine') }, wrong], options);
    await expect(refused).rejects.toMatchObject({
      code: 'validation_failed',
      message: expect.stringContaining('jobs[1]'),
      problems: expect.arrayContaining([
        expect.objectContaining({ path: 'jobs[1].url' }),
        expect.objectContaining({ path: 'jobs[1].webhooks[0].url' }),
      ]),
    });
    const large = { url: target.url('/large'), body: 'x'.repeat(1_048_576) };
    await expect(submitInTransaction(client, large, options)).rejects.toMatchObject({
      code: 'payload_too_large',
    });
    await submitInTransaction(client, { url: target.url('/after') }, options);
    await client.query('COMMIT');

    await target.waitFor(1);

    expect(pathsCalled()).toEqual(['/after']);
  });

  test('may be many at once, in more than one statement', async () => {
    const { target } = application;
    const jobs = Array.from({ length: 2_500 }, (_, index) => ({
      url: target.url('/many'),
      // Not before the end of the test: none of them is to be sent.
      retry_at: Date.now() + 3_600_000,
      tags: [`number ${index}`],
    }));
    const submitted = await submitManyInTransaction(client, jobs, options);
    await client.query('COMMIT');
    await application.drained();

    const ids = submitted.map(({ jobId }) => jobId);
    expect(new Set(ids).size).toBe(2_500);
    expect((await application.knownJobs(ids)).length).toBe(2_500);
    expect(await submitManyInTransaction(client, [], options)).toEqual([]);
  });

  test('is one job for one key, and as many as were submitted without one', async () => {
    const { target } = application;
    const alike = { url: target.url('/alike') };
    await submitManyInTransaction(client, [alike, alike], options);
    const keyed = { url: target.url('/keyed'), idempotentKey: 'order-7' };
    await submitManyInTransaction(client, [keyed, keyed], options);
    const hashed = new Step()
      .url(target.url('/hashed'))
      .type(StepType.PERFORMANCE)
      .idempotentStrategy(IdempotentStrategy.HASH);
    await submitManyInTransaction(client, [hashed, hashed], options);
    await client.query('COMMIT');

    await target.waitFor(4);
    await application.drained();

    expect(pathsCalled()).toEqual(['/alike', '/alike', '/hashed', '/keyed']);
  });

  test('needs an API key, a schema that can be one, and no key of it in the database', async () => {
    const job = { url: application.target.url('/') };
    await expect(submitInTransaction(client, job)).rejects.toMatchObject({
      code: 'missing_api_key',
    });
    await expect(
      submitInTransaction(client, job, { ...options, schema: 'a"; DROP' }),
    ).rejects.toMatchObject({ code: 'configuration' });
    const said: unknown[] = [];
    const adapter = {
      async query(text: string, values: string[]) {
        said.push(text, ...values);
        return [{ job_id: 'an id' }];
      },
    };
    await submitInTransaction(adapter, job, options);
    expect(JSON.stringify(said)).not.toContain(options.apiKey);
  });

  test('is refused of a role that has no right to it, with the statements that give it', async () => {
    await client.query('ROLLBACK');
    const role = `app_${Date.now()}`;
    await client.query(`CREATE ROLE ${role}`);
    try {
      await client.query(`BEGIN; SET LOCAL ROLE ${role}`);
      const job = { url: application.target.url('/role') };
      const refused = submitInTransaction(client, job, options);
      await expect(refused).rejects.toMatchObject({
        code: 'inbox_rights',
        message: expect.stringContaining('GRANT EXECUTE ON FUNCTION "ezthrottle".submit_v1'),
      });
    } finally {
      await client.query('ROLLBACK');
      await client.query(`DROP ROLE ${role}`);
    }
  });
});
