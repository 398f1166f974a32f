import { existsSync } from 'node:fs';
import { Client } from 'pg';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type PostgresService, startPostgres } from '../../scripts/services/postgres.ts';

/** The first time, the registry's binaries are fetched. */
const START_MS = 180_000;

afterEach(() => vi.unstubAllEnvs());

async function query(postgres: PostgresService, text: string): Promise<unknown[]> {
  const client = new Client({ connectionString: postgres.url });
  // The server may go away while it is open.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query({ text, rowMode: 'array' })).rows.flat();
  } finally {
    await client.end();
  }
}

describe.each(['any', 'registry'] as const)('a PostgreSQL for tests, from %s', (origin) => {
  test(
    'keeps what was committed through a crash, and leaves nothing behind',
    async () => {
      vi.stubEnv('TEST_DATABASE_URL', '');
      let folder: unknown;
      {
        await using postgres = await startPostgres({ origin, settings: { max_connections: '7' } });
        const { url, processId } = postgres;
        [folder] = await query(postgres, 'SHOW data_directory');
        expect(existsSync(String(folder))).toBe(true);
        expect(await query(postgres, 'SHOW max_connections')).toEqual(['7']);
        expect(await query(postgres, 'SHOW server_version')).toEqual([
          expect.stringMatching(`^${postgres.version.replaceAll('.', '\\.')}`),
        ]);
        await query(postgres, 'CREATE TABLE kept AS SELECT 42 AS n');

        await postgres.restart('immediate');
        expect(postgres.url).toBe(url);
        expect(postgres.processId).not.toBe(processId);
        expect(await query(postgres, 'SELECT n FROM kept')).toEqual([42]);

        await postgres.stop();
        expect(postgres.processId).toBeNull();
        await expect(query(postgres, 'SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
        await postgres.restart();
        expect(await query(postgres, 'SELECT n FROM kept')).toEqual([42]);
      }
      expect(existsSync(String(folder))).toBe(false);
    },
    START_MS,
  );
});

test('several start at once', async () => {
  vi.stubEnv('TEST_DATABASE_URL', '');
  const services = await Promise.all([startPostgres(), startPostgres(), startPostgres()]);
  try {
    expect(new Set(services.map(({ url }) => url)).size).toBe(3);
    const answers = await Promise.all(services.map((each) => query(each, 'SELECT 1')));
    expect(answers).toEqual([[1], [1], [1]]);
  } finally {
    await Promise.all(services.map((each) => each[Symbol.asyncDispose]()));
  }
});

test('a setting that PostgreSQL does not know is told in its own words', async () => {
  vi.stubEnv('TEST_DATABASE_URL', '');
  const started = startPostgres({ settings: { no_such_setting: 'on' } });
  await expect(started).rejects.toThrow(/no_such_setting/);
});

test('one that somebody else runs is used, and never stopped', async () => {
  vi.stubEnv('TEST_DATABASE_URL', 'postgres://somebody@db.example.com/app');
  await using postgres = await startPostgres();
  expect(postgres).toMatchObject({
    url: 'postgres://somebody@db.example.com/app',
    processId: null,
  });
  await expect(postgres.stop()).rejects.toThrow(/is not ours to stop; unset it for this test/);
  await expect(postgres.restart()).rejects.toThrow(/is not ours to stop/);
});
