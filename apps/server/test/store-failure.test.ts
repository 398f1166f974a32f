import { join } from 'node:path';
import { newJob, newSpec, ORGANIZATION, API_KEY } from '@ezthrottle/testkit/store-suite';
import { describe, expect, it } from 'vitest';
import { createCommitter } from '../src/commit/committer.ts';
import { openConnection } from '../src/store/sqlite/connection.ts';
import { migrate } from '../src/store/sqlite/migrate.ts';
import { MIGRATIONS } from '../src/store/sqlite/migrations.ts';
import { openSqliteStore, SqliteStore } from '../src/store/sqlite/sqlite-store.ts';
import { StoreFailedError } from '../src/store/store-failed-error.ts';
import { temporaryFolder } from './temporary-store.ts';

const LARGE = newSpec({ metadata: { filling: 'x'.repeat(1_000_000) } });

describe('when the disk is full', () => {
  it('the batch fails as a whole, and so does everything after it until a new start', async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'store.db');
    const connection = openConnection({ file });
    migrate(connection, MIGRATIONS, { now: () => 0 });
    const store = new SqliteStore(connection);
    const kept = newJob();
    await store.commit([
      { type: 'put_organization', organization: ORGANIZATION },
      { type: 'put_api_key', apiKey: API_KEY },
      { type: 'submit', job: kept },
    ]);
    // SQLite then answers as it does on a full disk.
    connection.execute('PRAGMA max_page_count = 100');

    const fatal: Error[] = [];
    const committer = createCommitter({ store, onFatal: (error) => fatal.push(error) });
    const jobs = [newJob(), newJob({ spec: LARGE }), newJob()];
    const writes = await Promise.allSettled(
      jobs.map((job) => committer.write({ type: 'submit', job })),
    );
    for (const write of writes) {
      expect(write.status === 'rejected' && write.reason).toBeInstanceOf(StoreFailedError);
    }
    expect(fatal).toEqual([expect.objectContaining({ code: 'store_failed' })]);
    await expect(store.commit([{ type: 'submit', job: newJob() }])).rejects.toBe(fatal[0]);
    await store.close();

    const again = await openSqliteStore({ file });
    const ids = [kept, ...jobs].map((job) => job.id);
    expect((await again.jobs.live(ids)).map((job) => job.id)).toEqual([kept.id]);
    expect((await again.jobs.counts()).pending).toBe(1);
    await again.close();
  });
});

describe('when another process writes to the same file', () => {
  it('the batch fails after the time allowed', async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'store.db');
    const connection = openConnection({ file, busyTimeoutMs: 1 });
    migrate(connection, MIGRATIONS, { now: () => 0 });
    const store = new SqliteStore(connection);
    const other = openConnection({ file });
    other.execute('BEGIN IMMEDIATE');
    await expect(
      store.commit([{ type: 'put_organization', organization: ORGANIZATION }]),
    ).rejects.toBeInstanceOf(StoreFailedError);
    other.execute('ROLLBACK');
    other.close();
    await store.close();
  });
});
