import { sql as drizzleSql } from 'drizzle-orm';
import { drizzle as drizzleOverPg } from 'drizzle-orm/node-postgres';
import { drizzle as drizzleOverPostgresJs } from 'drizzle-orm/postgres-js';
import { CamelCasePlugin, Kysely, PostgresDialect } from 'kysely';
import { Client, Pool } from 'pg';
import postgres from 'postgres';
import type { InboxTransaction } from '../src/index.ts';
import { openPrisma } from './open-prisma.ts';

/** One library that transactions are made with. */
export interface Driver extends AsyncDisposable {
  /** What is no transaction, and easily taken for one. */
  readonly outside: object;
  /** Runs a transaction, which is rolled back when `act` fails. */
  transaction(act: (open: OpenTransaction) => Promise<void>): Promise<void>;
}

export interface OpenTransaction {
  readonly handle: InboxTransaction;
  readonly insertOrder: (id: number) => PromiseLike<unknown>;
}

type Open = (url: string) => Promise<Driver>;

const INSERT = 'INSERT INTO orders (id) VALUES ($1)';

async function overPgClient(url: string): Promise<Driver> {
  const client = new Client({ connectionString: url });
  await client.connect();
  return {
    outside: client,
    transaction: (act) => withPgClient(client, act),
    [Symbol.asyncDispose]: () => client.end(),
  };
}

async function overPgPool(url: string): Promise<Driver> {
  const pool = new Pool({ connectionString: url, max: 2 });
  return {
    outside: pool,
    async transaction(act) {
      const client = await pool.connect();
      try {
        await withPgClient(client, act);
      } finally {
        client.release();
      }
    },
    [Symbol.asyncDispose]: () => pool.end(),
  };
}

async function withPgClient(
  client: Pick<Client, 'query'>,
  act: (open: OpenTransaction) => Promise<void>,
): Promise<void> {
  await client.query('BEGIN');
  try {
    await act({ handle: client, insertOrder: (id) => client.query(INSERT, [id]) });
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  }
}

async function overPostgresJs(url: string): Promise<Driver> {
  const sql = postgres(url, { max: 2, transform: postgres.camel });
  return {
    outside: sql,
    async transaction(act) {
      await sql.begin((transaction) =>
        act({
          handle: transaction,
          insertOrder: (id) => transaction`INSERT INTO orders (id) VALUES (${id})`,
        }),
      );
    },
    [Symbol.asyncDispose]: () => sql.end(),
  };
}

async function overDrizzleAndPg(url: string): Promise<Driver> {
  const pool = new Pool({ connectionString: url, max: 2 });
  const database = drizzleOverPg(pool);
  return {
    outside: database,
    transaction: (act) =>
      database.transaction((transaction) =>
        act({
          handle: transaction,
          insertOrder: (id) =>
            transaction.execute(drizzleSql`INSERT INTO orders (id) VALUES (${id})`),
        }),
      ),
    [Symbol.asyncDispose]: () => pool.end(),
  };
}

async function overDrizzleAndPostgresJs(url: string): Promise<Driver> {
  const sql = postgres(url, { max: 2 });
  const database = drizzleOverPostgresJs(sql);
  return {
    outside: database,
    transaction: (act) =>
      database.transaction((transaction) =>
        act({
          handle: transaction,
          insertOrder: (id) =>
            transaction.execute(drizzleSql`INSERT INTO orders (id) VALUES (${id})`),
        }),
      ),
    [Symbol.asyncDispose]: () => sql.end(),
  };
}

async function overKysely(url: string): Promise<Driver> {
  const pool = new Pool({ connectionString: url, max: 2 });
  const database = new Kysely<{ orders: { id: number } }>({
    dialect: new PostgresDialect({ pool }),
    plugins: [new CamelCasePlugin()],
  });
  return {
    outside: database,
    transaction: (act) =>
      database.transaction().execute((transaction) =>
        act({
          handle: transaction,
          insertOrder: (id) => transaction.insertInto('orders').values({ id }).execute(),
        }),
      ),
    [Symbol.asyncDispose]: () => database.destroy(),
  };
}

async function overPrisma(url: string): Promise<Driver> {
  const prisma = openPrisma(url);
  return {
    outside: prisma,
    transaction: (act) =>
      prisma.$transaction((transaction) =>
        act({
          handle: transaction,
          insertOrder: (id) => transaction.order.create({ data: { id } }),
        }),
      ),
    [Symbol.asyncDispose]: () => prisma.$disconnect(),
  };
}

async function overAdapter(url: string): Promise<Driver> {
  const driver = await overPgClient(url);
  return {
    outside: new Map(),
    transaction: (act) =>
      driver.transaction(({ handle, insertOrder }) => {
        if (!('query' in handle)) throw new TypeError('pg has a query');
        const query = (text: string, values: string[]) => handle.query(text, values);
        return act({ handle: { query }, insertOrder });
      }),
    [Symbol.asyncDispose]: () => driver[Symbol.asyncDispose](),
  };
}

export const DRIVERS: readonly (readonly [name: string, open: Open])[] = [
  ['a client of pg', overPgClient],
  ['a client of a pool of pg', overPgPool],
  ['postgres', overPostgresJs],
  ['Drizzle over pg', overDrizzleAndPg],
  ['Drizzle over postgres', overDrizzleAndPostgresJs],
  ['Kysely', overKysely],
  ['Prisma', overPrisma],
  ['an adapter of one’s own', overAdapter],
];
