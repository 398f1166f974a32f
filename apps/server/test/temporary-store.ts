import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StoreUnderTest } from '@ezthrottle/testkit/store-suite';
import { openSqliteStore } from '../src/store/sqlite/sqlite-store.ts';

/** A folder of its own for each test, removed with all that is in it. */
export async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'ezthrottle-store-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

export async function openTemporaryStore(): Promise<StoreUnderTest> {
  const folder = await temporaryFolder();
  const file = join(folder.path, 'store.db');
  let current = await openSqliteStore({ file });
  return {
    store: current,
    async reopen() {
      await current.close();
      current = await openSqliteStore({ file });
      return current;
    },
    async close() {
      await current.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}
