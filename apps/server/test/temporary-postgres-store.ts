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
    async query(sql, values = []) {
      return (await client.query(sql, [...values])).rows;
    },
    async [Symbol.asyncDispose]() {
      await client.query(`DROP SCHEMA "${schema}" CASCADE`);
      await client.end();
    },
  };
}

export async function openTemporaryPostgresStore(
  url: string,
  options: Partial<PostgresStoreOptions> = {},
): Promise<StoreUnderTest> {
  const place = await temporarySchema(url);
  const open = () => openPostgresStore({ url, schema: place.schema, ...options });
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
      await place[Symbol.asyncDispose]();
    },
  };
}
