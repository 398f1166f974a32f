import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PostgresService, startPostgres } from '../../../../scripts/services/postgres.ts';
import { embeddedMigrations } from '../../scripts/embed-migrations.ts';
import { Database } from '../../src/store/postgres/database.ts';
import { migrate } from '../../src/store/postgres/migrate.ts';
import { MIGRATIONS } from '../../src/store/postgres/migrations.ts';
import { openPostgresStore } from '../../src/store/postgres/postgres-store.ts';
import { temporarySchema } from '../temporary-postgres-store.ts';

let postgres: PostgresService;

beforeAll(async () => {
  postgres = await startPostgres();
}, 180_000);

afterAll(() => postgres[Symbol.asyncDispose]());

const clock = { now: () => 42 };
const FIRST = { version: 1, name: 'first', sql: 'CREATE TABLE one (id integer);' };
const SECOND = { version: 2, name: 'second', sql: 'CREATE TABLE two (id integer);' };

async function inSchema(run: (database: Database) => Promise<void>): Promise<void> {
  await using place = await temporarySchema(postgres.url);
  const database = new Database({ url: place.url, schema: place.schema });
  try {
    await run(database);
  } finally {
    await database.close();
  }
}

describe('migrate', () => {
  it('applies what is missing, in order, each once', () =>
    inSchema(async (database) => {
      expect(await migrate(database, [FIRST], clock)).toEqual([1]);
      expect(await migrate(database, [FIRST, SECOND], clock)).toEqual([2]);
      expect(await migrate(database, [FIRST, SECOND], clock)).toEqual([]);
      expect(await database.query('SELECT count(*) AS count FROM {two}')).toEqual([{ count: 0 }]);
    }));

  it('leaves everything as it was when one of them fails', () =>
    inSchema(async (database) => {
      const broken = {
        version: 2,
        name: 'broken',
        sql: 'CREATE TABLE three (id integer); nonsense',
      };
      await expect(migrate(database, [FIRST, broken], clock)).rejects.toThrow('nonsense');
      expect(await migrate(database, [FIRST], clock)).toEqual([1]);
    }));

  it('lets an older server go on with a newer schema, until that says otherwise', () =>
    inSchema(async (database) => {
      await migrate(database, [FIRST, SECOND], clock);
      expect(await migrate(database, [FIRST], clock)).toEqual([]);
      await database.run('UPDATE {schema_migrations} SET oldest_server = 2 WHERE version = 2');
      await expect(migrate(database, [FIRST], clock)).rejects.toMatchObject({
        code: 'schema_too_new',
      });
      expect(await migrate(database, [FIRST, SECOND], clock)).toEqual([]);
    }));
});

describe('the migrations of the store', () => {
  it('are applied once by servers that start together', async () => {
    await using place = await temporarySchema(postgres.url);
    const { url, schema } = place;
    const stores = await Promise.all(
      Array.from({ length: 5 }, () => openPostgresStore({ url, schema, connections: 1 })),
    );
    await Promise.all(stores.map((store) => store.close()));
    const applied = await place.query('SELECT version FROM schema_migrations ORDER BY version');
    expect(applied.map(({ version }) => version)).toEqual(MIGRATIONS.map(({ version }) => version));
  });

  it('go on with databases whose earlier migrations had brought what 0005 brings', () =>
    inSchema(async (database) => {
      await migrate(database, MIGRATIONS, clock);
      await database.run('DELETE FROM {schema_migrations} WHERE version = 5');
      await database.run('ALTER TABLE {fences} DROP COLUMN names');
      expect(await migrate(database, MIGRATIONS, clock)).toEqual([5]);
    }));

  it('travel in the code exactly as they are written in .sql, numbered without gaps', () => {
    const module = new URL('../../src/store/postgres/migrations.ts', import.meta.url);
    expect(readFileSync(module, 'utf8')).toBe(embeddedMigrations('postgres'));
    expect(MIGRATIONS.map(({ version }) => version)).toEqual(
      MIGRATIONS.map((_, index) => index + 1),
    );
  });

  it('refuse a schema whose name would have to be quoted', async () => {
    await expect(openPostgresStore({ url: postgres.url, schema: 'a"b' })).rejects.toMatchObject({
      code: 'schema_name',
    });
  });
});
