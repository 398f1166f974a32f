import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type PostgresService, startPostgres } from '../../../../scripts/services/postgres.ts';
import { Database } from '../../src/store/postgres/database.ts';

let postgres: PostgresService;
let database: Database;

beforeAll(async () => {
  postgres = await startPostgres();
  database = new Database({ url: postgres.url, schema: 'public', connections: 1 });
  await database.run('CREATE TABLE kept_or_not (number integer PRIMARY KEY)');
}, 60_000);
afterAll(async () => {
  await database.close();
  await postgres[Symbol.asyncDispose]();
});

const PUT = 'INSERT INTO kept_or_not (number) VALUES ($1)';

async function kept(): Promise<readonly unknown[]> {
  const rows = await database.query('SELECT number FROM kept_or_not ORDER BY number');
  return rows.map(({ number }) => number);
}

describe('what is done in one transaction', () => {
  test('is kept when all of it went well', async () => {
    const result = await database.inTransaction(async (connection) => {
      await connection.run(PUT, [1]);
      await connection.run(PUT, [2]);
      return 'done';
    });

    expect(result).toBe('done');
    expect(await kept()).toEqual([1, 2]);
  });

  test('leaves nothing behind when it fails, and its connection serves the next one', async () => {
    const own = new Error('changed its mind');
    const failing = database.inTransaction(async (connection) => {
      await connection.run(PUT, [3]);
      throw own;
    });

    await expect(failing).rejects.toBe(own);
    expect(await kept()).toEqual([1, 2]);
  });

  test('is not taken for kept when a statement of it was refused and nobody looked', async () => {
    const blind = database.inTransaction(async (connection) => {
      await connection.run(PUT, [4]);
      await connection.run(PUT, [1]).catch(() => undefined);
    });

    await expect(blind).rejects.toMatchObject({ code: 'interference' });
    expect(await kept()).toEqual([1, 2]);
  });

  test('leaves nothing behind when its connection is cut, and the next one gets another', async () => {
    const cut = database.inTransaction(async (connection) => {
      await connection.run(PUT, [5]);
      await connection.query('SELECT pg_terminate_backend(pg_backend_pid())');
    });

    await expect(cut).rejects.toThrow(/terminat/);
    expect(await kept()).toEqual([1, 2]);
  });
});
