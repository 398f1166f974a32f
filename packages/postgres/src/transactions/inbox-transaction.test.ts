import { describe, expect, test } from 'vitest';
import { NoTransactionError, UnknownTransactionError } from '../inbox-errors.ts';
import { statementsOf } from './inbox-transaction.ts';

const nothing = (): void => undefined;

describe('what is no transaction', () => {
  test.each([
    ['null', null],
    ['text', 'postgres://localhost/app'],
    ['an empty object', {}],
    ['a class', class {}],
    ['a query that is no function', { query: {} }],
  ])('is unknown: %s', (_, given) => {
    expect(() => statementsOf(given)).toThrow(UnknownTransactionError);
  });

  test.each([
    ['a pool of pg', { query: nothing, connect: nothing, totalCount: 0, idleCount: 0 }],
    ['postgres()', Object.assign(() => undefined, { unsafe: nothing, begin: nothing })],
    ['a connection that postgres has reserved', { unsafe: nothing, release: nothing }],
    ['a database of Drizzle', { execute: nothing, transaction: nothing, query: {} }],
    ['a database of Kysely', { executeQuery: nothing, isTransaction: false }],
    ['a client of Prisma', { $queryRawUnsafe: nothing, $connect: nothing }],
  ])('is told apart: %s', (_, given) => {
    expect(() => statementsOf(given)).toThrow(NoTransactionError);
  });

  test('is a client of pg before its BEGIN, and after its COMMIT', async () => {
    let status = 'I';
    const client = { getTransactionStatus: () => status, query: async () => ({ rows: ['row'] }) };
    const run = statementsOf(client);

    await expect(run('SELECT', [])).rejects.toMatchObject({ code: 'no_transaction' });
    status = 'T';
    expect(await run('SELECT', [])).toEqual(['row']);
  });
});

describe('the rows of an adapter', () => {
  test.each([
    ['a list', ['row']],
    ['an object with rows', { rows: ['row'] }],
  ])('may be %s', async (_, answer) => {
    const seen: unknown[] = [];
    const run = statementsOf({
      query: async (...args: unknown[]) => {
        seen.push(args);
        return answer;
      },
    });

    expect(await run('SELECT $1', ['a'])).toEqual(['row']);
    expect(seen).toEqual([['SELECT $1', ['a']]]);
  });

  test('may not be missing', async () => {
    const run = statementsOf({ query: async () => undefined });
    await expect(run('SELECT', [])).rejects.toThrow(UnknownTransactionError);
  });
});
