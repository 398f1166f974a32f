import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgres } from '../../../../scripts/services/postgres.ts';
import { startRedis } from '../../../../scripts/services/redis.ts';
import type { StoreKind, StorePlace } from './open-store.ts';

export interface Places extends AsyncDisposable {
  /** A new place, empty, on the database of this kind. */
  of(kind: StoreKind): StorePlace;
}

/** A Redis, a PostgreSQL and a folder for SQLite files. */
export async function startPlaces(): Promise<Places> {
  await using services = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'ezthrottle-dedupe-'));
  services.defer(() => rmSync(folder, { recursive: true, force: true }));
  const [redis, postgres] = await Promise.all([startRedis(), startPostgres()]);
  services.use(redis);
  services.use(postgres);
  const rest = services.move();
  return {
    of(kind) {
      const name = `dedupe_test_${randomBytes(6).toString('hex')}`;
      const urls: Readonly<Record<StoreKind, string>> = {
        ioredis: redis.url,
        'node-redis': redis.url,
        pg: postgres.url,
        'postgres.js': postgres.url,
        'node:sqlite': join(folder, `${name}.db`),
        'better-sqlite3': join(folder, `${name}.db`),
      };
      return { kind, url: urls[kind], name };
    },
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  };
}
