import { rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { postgresDedupe } from '@ezthrottle/core/dedupe/postgres';
import { redisDedupe } from '@ezthrottle/core/dedupe/redis';
import { sqliteDedupe } from '@ezthrottle/core/dedupe/sqlite';
import type { DedupeStore } from '@ezthrottle/core/webhooks';
import Database from 'better-sqlite3';
import { Redis } from 'ioredis';
import { Pool } from 'pg';
import postgres from 'postgres';
import { createClient } from 'redis';

/** The clients that the stores are tried with. */
export const storeKinds = [
  'ioredis',
  'node-redis',
  'pg',
  'postgres.js',
  'node:sqlite',
  'better-sqlite3',
] as const;

export type StoreKind = (typeof storeKinds)[number];

/** Where a store keeps what it knows, for every process that opens it. */
export interface StorePlace {
  readonly kind: StoreKind;
  /** Address of the database; a path for SQLite. */
  readonly url: string;
  /** A table, or what comes before each key: nobody else's. */
  readonly name: string;
}

export interface OpenStore extends AsyncDisposable {
  readonly store: DedupeStore;
  /** Removes all that it kept. */
  readonly clear: () => Promise<void>;
}

/** Opens the store over a connection of its own. */
export function openStore(place: StorePlace): Promise<OpenStore> {
  return openers[place.kind](place);
}

const openers: Readonly<Record<StoreKind, (place: StorePlace) => Promise<OpenStore>>> = {
  ioredis: async ({ url, name }) => {
    const client = new Redis(url);
    return {
      store: redisDedupe(client, { prefix: name }),
      clear: async () => {
        const keys = await client.keys(`${name}*`);
        if (keys.length > 0) await client.del(keys);
      },
      [Symbol.asyncDispose]: async () => client.disconnect(),
    };
  },
  'node-redis': async ({ url, name }) => {
    const client = createClient({ url });
    // Without a listener a broken connection would end the process.
    client.on('error', () => undefined);
    await client.connect();
    return {
      store: redisDedupe(client, { prefix: name }),
      clear: async () => {
        const keys = await client.keys(`${name}*`);
        if (keys.length > 0) await client.del(keys);
      },
      [Symbol.asyncDispose]: async () => client.destroy(),
    };
  },
  pg: async ({ url, name }) => {
    const client = new Pool({ connectionString: url, max: 5 });
    client.on('error', () => undefined);
    const store = postgresDedupe(client, { table: name });
    await store.createTable();
    return {
      store,
      clear: async () => void (await client.query(`DROP TABLE IF EXISTS "${name}"`)),
      [Symbol.asyncDispose]: () => client.end(),
    };
  },
  'postgres.js': async ({ url, name }) => {
    const client = postgres(url, { max: 5, onnotice: () => undefined });
    const store = postgresDedupe(client, { table: name });
    await store.createTable();
    return {
      store,
      clear: async () => void (await client.unsafe(`DROP TABLE IF EXISTS "${name}"`)),
      [Symbol.asyncDispose]: () => client.end({ timeout: 0 }),
    };
  },
  'node:sqlite': async ({ url, name }) => {
    const database = new DatabaseSync(url, { timeout: 5_000 });
    return {
      store: sqliteDedupe(database, { table: name }),
      clear: async () => rmSync(url, { force: true }),
      [Symbol.asyncDispose]: async () => database.close(),
    };
  },
  'better-sqlite3': async ({ url, name }) => {
    const database = new Database(url);
    return {
      store: sqliteDedupe(database, { table: name }),
      clear: async () => rmSync(url, { force: true }),
      [Symbol.asyncDispose]: async () => void database.close(),
    };
  },
};
