import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sqliteDedupe } from '@ezthrottle/core/dedupe/sqlite';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chosenRuntimes, provideRuntime } from '../../../../scripts/services/runtimes.ts';
import { outputOf } from '../../../../test/runtimes/run-runtime.ts';
import { bundleProcess } from './bundle-process.ts';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ezthrottle-sqlite-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const lease = { leaseMs: 60_000, token: 'a' };

test('expired rows are removed in small steps, and no others', async () => {
  const database = new Database(':memory:');
  const store = sqliteDedupe(database, { table: 'seen' });
  database.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 700)
    INSERT INTO seen SELECT 'old ' || i, NULL, 1 FROM n`);
  await store.begin('held', lease);
  expect([await store.prune(), await store.prune(), await store.prune()]).toEqual([500, 200, 0]);
  expect(await store.begin('held', { ...lease, token: 'b' })).toBe('in_flight');
  database.close();
});

test('a store that only claims removes them, too', async () => {
  const database = new Database(':memory:');
  const store = sqliteDedupe(database, { pruneEvery: 2 });
  const count = (): unknown =>
    database.prepare('SELECT count(*) FROM ezthrottle_dedupe').pluck().get();
  database.exec("INSERT INTO ezthrottle_dedupe VALUES ('old', NULL, 1)");
  await store.begin('one', lease);
  expect(count()).toBe(2);
  await store.begin('two', lease);
  expect(count()).toBe(2);
  expect(database.prepare('SELECT id FROM ezthrottle_dedupe').pluck().all()).toEqual([
    'one',
    'two',
  ]);
  database.close();
});

test('a locked database is an error, and no claim', async () => {
  const path = join(folder, 'locked.db');
  const [one, other] = [new Database(path), new Database(path, { timeout: 0 })];
  const store = sqliteDedupe(other);
  one.exec('BEGIN EXCLUSIVE');
  await expect(store.begin('a', lease)).rejects.toMatchObject({ code: 'SQLITE_BUSY' });
  one.exec('COMMIT');
  expect(await store.begin('a', lease)).toBe('acquired');
  one.close();
  other.close();
});

// In the file's own runtime: no other has bun:sqlite.
describe.each(chosenRuntimes().filter((name) => name === 'bun'))(
  'over bun:sqlite, in %s',
  (name) => {
    test('holds every promise of a dedupe store', async () => {
      const file = await bundleProcess('bun-sqlite.ts', folder);
      const output = await outputOf(await provideRuntime(name), file);
      const verdicts: Record<string, unknown> = JSON.parse(output);
      expect(Object.keys(verdicts).length).toBeGreaterThan(10);
      expect(Object.entries(verdicts).filter(([, error]) => error !== null)).toEqual([]);
    }, 180_000);
  },
);
