import { randomBytes } from 'node:crypto';
import type { StoreUnderTest } from '@ezthrottle/testkit/store-suite';
import { Client } from 'pg';
import {
  openPostgresStore,
  type PostgresStoreOptions,
} from '../src/store/postgres/postgres-store.ts';

/** A schema of its own for each test, dropped afterwards. */
export interface TemporarySchema extends AsyncDisposable {
  readonly url: string;
  readonly schema: string;
  /** Runs statements beside the store; names of tables are looked up in the schema. */
  query(sql: string, values?: readonly unknown[]): Promise<readonly Record<string, unknown>[]>;
}

export async function temporarySchema(url: string): Promise<TemporarySchema> {
  const schema = `test_${randomBytes(6).toString('hex')}`;
  const client = new Client({ connectionString: url });
  // The server may be stopped in a test.
  client.on('error', () => {});
  await client.connect();
  await client.query(`CREATE SCHEMA "${schema}"`);
  await client.query(`SET search_path TO "${schema}"`);
  return {
    url,
    schema,
    async query(sql, values) {
      return (await client.query(sql, values === undefined ? undefined : [...values])).rows;
    },
    async [Symbol.asyncDispose]() {
      await client.query(`DROP SCHEMA "${schema}" CASCADE`);
      await client.end();
    },
  };
}

/** Stores for one test after the other, each of them empty. */
export interface TemporaryPostgresStores extends AsyncDisposable {
  open(options?: Partial<PostgresStoreOptions>): Promise<StoreUnderTest>;
}

/** Making the tables takes far longer than what most tests do with them, so that they are used again. */
export function temporaryPostgresStores(url: string): TemporaryPostgresStores {
  const free: TemporarySchema[] = [];
  return {
    async open(options = {}) {
      const place = free.pop() ?? (await temporarySchema(url));
      const open = () =>
        openPostgresStore({ url: place.url, schema: place.schema, connections: 2, ...options });
      let current = await open();
      return {
        store: current,
        async reopen() {
          await current.close();
          current = await open();
          return current;
        },
        async close() {
          await current.close();
          await emptyTables(place);
          free.push(place);
        },
      };
    },
    async [Symbol.asyncDispose]() {
      for (const place of free) await place[Symbol.asyncDispose]();
    },
  };
}

/** Numbers of rows go on: no test may rely on them. */
async function emptyTables(place: TemporarySchema): Promise<void> {
  const tables = await place.query(
    `SELECT tablename FROM pg_tables
     WHERE schemaname = $1 AND tablename NOT IN ('schema_migrations', 'slots')`,
    [place.schema],
  );
  const names = tables.map(({ tablename }) => String(tablename));
  // Rows that others refer to go last.
  const rank = (name: string): number =>
    ['accounts', 'destinations', 'api_keys', 'organizations'].indexOf(name);
  const sorted = names.toSorted((one, other) => rank(one) - rank(other));
  await place.query(sorted.map((name) => `DELETE FROM "${name}"`).join('; '));
}
