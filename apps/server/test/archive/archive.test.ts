import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ORGANIZATION } from '@ezthrottle/testkit/store-data';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ArchiveError } from '../../src/store/archive/archive-format.ts';
import { readArchive } from '../../src/store/archive/archive-reader.ts';
import { ARCHIVE_TABLES } from '../../src/store/archive/archive-tables.ts';
import { archiveLines } from '../../src/store/archive/archive-writer.ts';
import {
  openSqliteArchiveSource,
  openSqliteArchiveTarget,
} from '../../src/store/sqlite/sqlite-archive.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { temporaryFolder } from '../temporary-store.ts';
import { putOneOfEverything, SEALED_WITH } from './one-of-everything.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let archive: string;

async function exported(file: string): Promise<string> {
  const source = openSqliteArchiveSource(file);
  try {
    let text = '';
    for await (const lines of archiveLines(source, '1.2.3')) text += lines;
    return text;
  } finally {
    await source.close();
  }
}

/** Takes an archive in, given in pieces that end anywhere. */
async function imported(text: string, file: string) {
  const target = openSqliteArchiveTarget(file);
  try {
    return await readArchive(pieces(Buffer.from(text)), target);
  } finally {
    await target.close();
  }
}

async function* pieces(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += 777) yield bytes.subarray(at, at + 777);
}

/** Columns of which some row of an archive tells more than null. */
function filledColumns(text: string): ReadonlySet<string> {
  const filled = new Set<string>();
  const add = (table: string, values: object): void => {
    for (const column of Object.keys(values)) filled.add(`${table}.${column}`);
  };
  for (const line of text.split('\n').slice(1, -2)) {
    const { table, row, parts = {} } = JSON.parse(line);
    add(table, row);
    for (const [part, rows] of Object.entries<object[]>(parts)) {
      for (const each of rows) add(part, each);
    }
  }
  return filled;
}

beforeAll(async () => {
  folder = await temporaryFolder();
  const file = join(folder.path, 'first.db');
  const store = await openSqliteStore({ file });
  await putOneOfEverything(store);
  await store.close();
  archive = await exported(file);
});

afterAll(() => folder[Symbol.asyncDispose]());

describe('an archive', () => {
  it('holds something of every column, and says with which master keys it is sealed', async () => {
    const summary = await imported(archive, join(folder.path, 'every.db'));
    const empty = Object.entries(summary.rows).filter(([, rows]) => rows === 0);
    expect(empty).toEqual([]);
    expect(Object.keys(summary.rows)).toEqual(ARCHIVE_TABLES.map(({ name }) => name));
    const told = ARCHIVE_TABLES.flatMap(({ name, columns, parts }) => [
      ...Object.keys(columns).map((column) => `${name}.${column}`),
      ...Object.entries(parts).flatMap(([part, of]) =>
        Object.keys(of).map((column) => `${part}.${column}`),
      ),
    ]);
    expect(filledColumns(archive)).toEqual(new Set(told));
    expect(summary.masterKeys).toEqual(SEALED_WITH);
    expect(JSON.parse(archive.slice(0, archive.indexOf('\n')))).toEqual({
      format: 'ezthrottle-archive',
      version: 1,
      server: '1.2.3',
      masterKeys: SEALED_WITH,
    });
  });

  it('makes a store that gives the same archive again', async () => {
    const file = join(folder.path, 'again.db');
    await imported(archive, file);
    expect(await exported(file)).toBe(archive);
  });

  it('makes a store that counts and finds its jobs', async () => {
    const [first, second] = await Promise.all([
      openSqliteStore({ file: join(folder.path, 'first.db') }),
      imported(archive, join(folder.path, 'found.db')).then(() =>
        openSqliteStore({ file: join(folder.path, 'found.db') }),
      ),
    ]);
    const query = {
      organization: ORGANIZATION.id,
      states: null,
      tag: 'blü',
      idempotentKey: null,
      before: null,
      limit: 10,
    };
    expect(await second.jobs.list(query)).toHaveLength(1);
    expect(await second.jobs.list(query)).toEqual(await first.jobs.list(query));
    expect(await second.jobs.counts()).toEqual(await first.jobs.counts());
    expect(await second.work.lines()).toEqual(await first.work.lines());
    await Promise.all([first.close(), second.close()]);
  });
});

describe('nothing is taken in', () => {
  async function refusalOf(text: string, name: string): Promise<unknown> {
    const file = join(folder.path, `${name}.db`);
    const refusal: unknown = await imported(text, file).catch((error: unknown) => error);
    expect(existsSync(file)).toBe(true);
    const store = await openSqliteStore({ file });
    expect(await store.tenancy.organizations()).toEqual([]);
    await store.close();
    return refusal;
  }
  const lines = (): string[] => archive.split(/(?<=\n)/);

  it('of an archive that stops before its end', async () => {
    const error = await refusalOf(lines().slice(0, -1).join(''), 'short');
    expect(error).toMatchObject({ code: 'archive_cut_short' });
  });

  it('of an archive that lacks a row', async () => {
    const without = lines().filter((line) => !line.startsWith('{"table":"redrive_items"'));
    const error = await refusalOf(without.join(''), 'lacks');
    expect(error).toMatchObject({
      code: 'archive_damaged',
      message: expect.stringContaining('0 rows of redrive_items'),
    });
  });

  it('of an archive in which one character was changed', async () => {
    const error = await refusalOf(archive.replace('a first one', 'a third one'), 'changed');
    expect(error).toMatchObject({
      code: 'archive_damaged',
      message: expect.stringContaining('digest'),
    });
  });

  it('of a row that is wrong, which is named with all that is wrong in it', async () => {
    const wrong = archive.replace(/"name":"Acme","created_at":\d+/, '"name":5,"surplus":1');
    expect(await refusalOf(wrong, 'wrong')).toMatchObject({
      code: 'archive_damaged',
      message:
        'line 2 of organizations: row.name: expected text; row.created_at: expected an integer; ' +
        'row.surplus: is not a column that is known',
    });
  });

  it('of what is no archive, or one of a newer server', async () => {
    const newer = archive.replace('"version":1', '"version":2');
    expect(await refusalOf(newer, 'newer')).toMatchObject({ code: 'archive_too_new' });
    for (const text of ['', '{}\n', 'no JSON', '[1]\n']) {
      expect(await refusalOf(text, 'none')).toMatchObject({ code: 'not_an_archive' });
    }
  });

  it('into a store that holds something already', async () => {
    const file = join(folder.path, 'filled.db');
    await imported(archive, file);
    const error: unknown = await imported(archive, file).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'target_not_empty' });
    expect(error).not.toBeInstanceOf(ArchiveError);
    expect(await exported(file)).toBe(archive);
  });
});
