import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { newJob, ORGANIZATION } from '@ezthrottle/testkit/store-data';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PostgresService, startPostgres } from '../../../../scripts/services/postgres.ts';
import type { ArchiveSource, ArchiveTarget } from '../../src/store/archive/archive-ports.ts';
import { readArchive } from '../../src/store/archive/archive-reader.ts';
import { archiveLines } from '../../src/store/archive/archive-writer.ts';
import {
  openPostgresArchiveSource,
  openPostgresArchiveTarget,
} from '../../src/store/postgres/postgres-archive.ts';
import { openPostgresStore } from '../../src/store/postgres/postgres-store.ts';
import {
  openSqliteArchiveSource,
  openSqliteArchiveTarget,
} from '../../src/store/sqlite/sqlite-archive.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { temporarySchema } from '../temporary-postgres-store.ts';
import { temporaryFolder } from '../temporary-store.ts';
import { command } from './archive-process.ts';
import { putOneOfEverything } from './one-of-everything.ts';

let postgres: PostgresService;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let archive: string;

function inFolder(name: string): string {
  return join(folder.path, name);
}

async function exported(source: ArchiveSource): Promise<string> {
  try {
    let text = '';
    for await (const lines of archiveLines(source, '1.2.3')) text += lines;
    return text;
  } finally {
    await source.close();
  }
}

async function imported(text: string, target: ArchiveTarget): Promise<void> {
  try {
    await readArchive(pieces(text), target);
  } finally {
    await target.close();
  }
}

async function* pieces(text: string): AsyncGenerator<Buffer> {
  yield Buffer.from(text);
}

beforeAll(async () => {
  [postgres, folder] = await Promise.all([startPostgres(), temporaryFolder()]);
  const file = inFolder('first.db');
  const store = await openSqliteStore({ file });
  await putOneOfEverything(store);
  await store.close();
  archive = await exported(openSqliteArchiveSource(file));
}, 180_000);

afterAll(async () => {
  await Promise.all([postgres[Symbol.asyncDispose](), folder[Symbol.asyncDispose]()]);
});

describe('from one machine to a database and back', () => {
  it('nothing is lost: all three give the same archive', async () => {
    await using place = await temporarySchema(postgres.url);
    await imported(archive, await openPostgresArchiveTarget(place));
    const second = await exported(await openPostgresArchiveSource(place));
    expect(second).toBe(archive);
    const file = inFolder('back.db');
    await imported(second, openSqliteArchiveTarget(file));
    expect(await exported(openSqliteArchiveSource(file))).toBe(archive);
  });

  it('what a database was filled with by itself comes over as well', async () => {
    await using place = await temporarySchema(postgres.url);
    const store = await openPostgresStore(place);
    await putOneOfEverything(store);
    await store.close();
    const first = await exported(await openPostgresArchiveSource(place));
    const file = inFolder('of-its-own.db');
    await imported(first, openSqliteArchiveTarget(file));
    expect(await exported(openSqliteArchiveSource(file))).toBe(first);
  });

  it('the store goes on where the other one was, and takes more in', async () => {
    await using place = await temporarySchema(postgres.url);
    const sqlite = await openSqliteStore({ file: inFolder('first.db') });
    await imported(archive, await openPostgresArchiveTarget(place));
    const store = await openPostgresStore(place);
    try {
      expect(await store.jobs.counts()).toEqual(await sqlite.jobs.counts());
      const query = {
        organization: ORGANIZATION.id,
        states: null,
        tag: null,
        idempotentKey: null,
        before: null,
        limit: 10,
      };
      const jobs = await sqlite.jobs.list(query);
      expect(await store.jobs.list(query)).toEqual(jobs);
      const ids = jobs.map(({ id }) => id);
      expect(await store.jobs.live(ids)).toEqual(await sqlite.jobs.live(ids));
      expect(await store.work.lines()).toEqual(
        expect.arrayContaining([...(await sqlite.work.lines())]),
      );
      expect(await store.work.armed(null, 10)).toEqual(await sqlite.work.armed(null, 10));
      const far = Number.MAX_SAFE_INTEGER;
      expect(await store.work.due(far, 10)).toEqual(await sqlite.work.due(far, 10));
      expect(await store.deliveries.due(far, 10)).toEqual(await sqlite.deliveries.due(far, 10));
      expect(await store.commit([{ type: 'submit', job: newJob() }])).toEqual([{ verdict: 'ok' }]);
    } finally {
      await Promise.all([store.close(), sqlite.close()]);
    }
  });

  it('an archive that is not whole leaves a database as it was', async () => {
    await using place = await temporarySchema(postgres.url);
    const cut = archive.slice(0, archive.lastIndexOf('{"end"'));
    const target = await openPostgresArchiveTarget(place);
    await expect(imported(cut, target)).rejects.toMatchObject({ code: 'archive_cut_short' });
    const store = await openPostgresStore(place);
    expect(await store.tenancy.organizations()).toEqual([]);
    await store.close();
    await imported(archive, await openPostgresArchiveTarget(place));
  });

  it('a database with something in it is not filled', async () => {
    await using place = await temporarySchema(postgres.url);
    const store = await openPostgresStore(place);
    await store.commit([{ type: 'put_organization', organization: ORGANIZATION }]);
    await store.close();
    const target = await openPostgresArchiveTarget(place);
    await expect(imported(archive, target)).rejects.toMatchObject({ code: 'target_not_empty' });
  });

  it('a database whose inbox still holds jobs is not taken for all there is', async () => {
    await using place = await temporarySchema(postgres.url);
    await imported(archive, await openPostgresArchiveTarget(place));
    await place.query(
      `INSERT INTO inbox (id, organization, api_key, job, created_at, due_at)
       VALUES (gen_random_uuid(), 1, 1, '{}', 0, 0)`,
    );
    await expect(openPostgresArchiveSource(place)).rejects.toMatchObject({
      code: 'inbox_not_empty',
    });
  });

  it('a schema without a store is told, and not made', async () => {
    const opening = openPostgresArchiveSource({ url: postgres.url, schema: 'mistyped' });
    await expect(opening).rejects.toMatchObject({ code: 'no_store' });
    const again = openPostgresArchiveSource({ url: postgres.url, schema: 'mistyped' });
    await expect(again).rejects.toThrow('no store in schema mistyped');
  });
});

describe('ezthrottle export and import', () => {
  it('carry a data folder to a database, and what is there to a pipe', async () => {
    await using place = await temporarySchema(postgres.url);
    const file = inFolder('archive.jsonl');
    writeFileSync(file, archive);
    const database = ['--database-url', place.url, '--database-schema', place.schema];
    const first = await command(['import', ...database, '--from-file', file]);
    expect([first.code, first.err]).toEqual([0, expect.stringContaining('imported ')]);
    const second = await command(['export', '--database-schema', place.schema], {
      DATABASE_URL: place.url,
    });
    expect(second.code).toBe(0);
    // Only the version of the server differs.
    expect(second.out.split('\n').slice(1, -2)).toEqual(archive.split('\n').slice(1, -2));
  });
});
