import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { embeddedMigrations } from '../../../scripts/embed-migrations.ts';
import { openConnection } from './connection.ts';
import { SchemaTooNewError } from '../schema-too-new-error.ts';
import { migrate } from './migrate.ts';
import type { Migration } from '../migration.ts';
import { MIGRATIONS } from './migrations.ts';
import { openSqliteStore } from './sqlite-store.ts';

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ezthrottle-migrate-'));
  file = join(folder, 'deeper', 'store.db');
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const FIRST: Migration = { version: 1, name: 'first', sql: 'CREATE TABLE one (id INTEGER);' };
const SECOND: Migration = { version: 2, name: 'second', sql: 'CREATE TABLE two (id INTEGER);' };
const BROKEN: Migration = {
  version: 3,
  name: 'broken',
  sql: 'CREATE TABLE three (id INTEGER); NO',
};
const clock = { now: () => 42 };

describe('migrate', () => {
  it('applies each migration once, in order, and records when', () => {
    const connection = openConnection({ file });
    expect(migrate(connection, [FIRST], clock)).toEqual([1]);
    expect(migrate(connection, [FIRST, SECOND], clock)).toEqual([2]);
    expect(migrate(connection, [FIRST, SECOND], clock)).toEqual([]);
    const rows = connection.prepare('SELECT * FROM schema_migrations ORDER BY version').all();
    expect(rows.map((row) => ({ ...row }))).toEqual([
      { version: 1, name: 'first', applied_at: 42 },
      { version: 2, name: 'second', applied_at: 42 },
    ]);
    connection.close();
  });

  it('leaves the file as it was when one fails', () => {
    const connection = openConnection({ file });
    migrate(connection, [FIRST], clock);
    expect(() => migrate(connection, [FIRST, SECOND, BROKEN], clock)).toThrow('syntax error');
    const tables = connection.prepare("SELECT name FROM sqlite_schema WHERE name = 'two'").all();
    expect(tables).toEqual([]);
    expect(migrate(connection, [FIRST, SECOND], clock)).toEqual([2]);
    connection.close();
  });

  it('refuses a schema that is newer than this server, and says what to do', () => {
    const connection = openConnection({ file });
    migrate(connection, [FIRST, SECOND], clock);
    expect(() => migrate(connection, [FIRST], clock)).toThrow(SchemaTooNewError);
    expect(() => migrate(connection, [FIRST], clock)).toThrow(
      'the database has schema version 2, this server knows versions up to 1: start the newer server',
    );
    connection.close();
  });
});

describe('the migrations of the store', () => {
  it('travel in the code exactly as they are written in .sql', () => {
    const written = readFileSync(new URL('./migrations.ts', import.meta.url), 'utf8');
    expect(written).toBe(embeddedMigrations('sqlite'));
  });

  it('are numbered from 1 without gaps', () => {
    expect(MIGRATIONS.map(({ version }) => version)).toEqual(
      MIGRATIONS.map((_, index) => index + 1),
    );
  });
});

describe('openSqliteStore', () => {
  it('makes the folder and a file that only its owner may read', async () => {
    const migrated: object[] = [];
    const logger = { info: (details: object) => void migrated.push(details) };
    await (await openSqliteStore({ file, logger })).close();
    await (await openSqliteStore({ file, logger })).close();
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(migrated).toEqual([
      { event: 'store_migrated', versions: MIGRATIONS.map(({ version }) => version) },
    ]);
  });

  it('refuses a file that is no database', async () => {
    const other = join(folder, 'notes.txt');
    writeFileSync(other, 'no database at all, but long enough to be looked at '.repeat(20));
    await expect(openSqliteStore({ file: other })).rejects.toMatchObject({ code: 'sqlite_error' });
    expect(readFileSync(other, 'utf8')).toContain('no database at all');
  });

  it('flushes every commit to the disk', () => {
    const connection = openConnection({ file });
    expect(connection.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
    expect(connection.prepare('PRAGMA synchronous').get()).toEqual({ synchronous: 2 });
    expect(connection.prepare('PRAGMA foreign_keys').get()).toEqual({ foreign_keys: 1 });
    connection.close();
  });
});
