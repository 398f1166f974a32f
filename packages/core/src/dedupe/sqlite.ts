import type { DedupeStore } from '../webhooks/dedupe-store.ts';
import { PRUNED_ROWS, pruningTurn, type PruningOptions } from './pruning.ts';
import { storedId } from './stored-id.ts';
import { partsOfTableName, quotedTableName } from './table-name.ts';
import { wholeMs } from './whole-ms.ts';

export type { PruningOptions } from './pruning.ts';

/**
 * What is used of a database of `node:sqlite` (`DatabaseSync`), `better-sqlite3` or `bun:sqlite`.
 * SQLite 3.35 or later.
 */
export interface SqliteDatabase {
  exec(sql: string): unknown;
  prepare(sql: string): SqliteStatement;
}

export interface SqliteStatement {
  get(...values: (string | number)[]): unknown;
  run(...values: (string | number)[]): { readonly changes: number | bigint };
}

export interface SqliteDedupeOptions extends PruningOptions {
  /** Default `ezthrottle_dedupe`. */
  readonly table?: string;
}

export interface SqliteDedupeStore extends DedupeStore {
  /** Removes up to 500 expired rows; gives how many it were. */
  prune(): Promise<number>;
}

/**
 * Remembers deliveries in a table of a SQLite database, which it makes when it is missing; for the
 * processes of one machine. Each claim is one statement, which ends before anything else runs in this
 * process. Give the handle a busy timeout when several processes write to the file, and do not leave a
 * transaction open on it across an `await`: claims would be part of it.
 *
 * @param database Stays yours to close.
 * @throws {TypeError} when it is no such database. {RangeError} for a table's name that cannot be one.
 * @example
 * const dedupe = sqliteDedupe(new DatabaseSync('dedupe.db', { timeout: 1_000 }));
 * const receiver = createReceiver({ secrets, dedupe });
 */
export function sqliteDedupe(
  database: SqliteDatabase,
  options: SqliteDedupeOptions = {},
): SqliteDedupeStore {
  if (typeof database.exec !== 'function' || typeof database.prepare !== 'function') {
    throw new TypeError('sqliteDedupe needs a database with exec and prepare.');
  }
  const isTimeToPrune = pruningTurn(options);
  const [name = ''] = partsOfTableName(options.table ?? 'ezthrottle_dedupe', 1);
  database.exec(tableOf(name));
  const sql = statementsOf(quotedTableName([name]), database);
  const prune = (): number => Number(sql.prune.run().changes);
  return {
    async prune() {
      return prune();
    },
    async begin(id, { leaseMs, token }) {
      const lease = wholeMs('leaseMs', leaseMs);
      const key = await storedId(id);
      if (isTimeToPrune()) prune();
      if (isRow(sql.claim.get(key, token, lease))) return 'acquired';
      // Somebody holds it, or held what is done until a moment ago.
      return isRow(sql.done.get(key)) ? 'done' : 'in_flight';
    },
    async commit(id, token, ttlMs) {
      const ttl = wholeMs('ttlMs', ttlMs);
      return Number(sql.commit.run(ttl, await storedId(id), token).changes) > 0;
    },
    async release(id, token) {
      return Number(sql.release.run(await storedId(id), token).changes) > 0;
    },
  };
}

function tableOf(name: string): string {
  const table = quotedTableName([name]);
  return `CREATE TABLE IF NOT EXISTS ${table} (
  id TEXT PRIMARY KEY,
  token TEXT, -- null once it is done
  expires_at INTEGER NOT NULL -- milliseconds since 1970
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS "${name}_expires_at" ON ${table} (expires_at);`;
}

type Verb = 'claim' | 'done' | 'commit' | 'release' | 'prune';

/** The time is SQLite's: the machine's, whatever this process thinks of it. */
const NOW = `CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)`;

function statementsOf(table: string, database: SqliteDatabase): Record<Verb, SqliteStatement> {
  return {
    claim: database.prepare(`INSERT INTO ${table} AS held (id, token, expires_at)
VALUES (?, ?, ${NOW} + ?)
ON CONFLICT (id) DO UPDATE SET token = excluded.token, expires_at = excluded.expires_at
WHERE held.expires_at <= ${NOW}
RETURNING id`),
    done: database.prepare(`SELECT id FROM ${table} WHERE id = ? AND token IS NULL`),
    commit: database.prepare(
      `UPDATE ${table} SET token = NULL, expires_at = ${NOW} + ? WHERE id = ? AND token = ?`,
    ),
    release: database.prepare(`DELETE FROM ${table} WHERE id = ? AND token = ?`),
    prune: database.prepare(`DELETE FROM ${table} WHERE id IN (
  SELECT id FROM ${table} WHERE expires_at <= ${NOW} ORDER BY expires_at LIMIT ${PRUNED_ROWS}
)`),
  };
}

/** No row is `undefined` or `null`, by the library. */
function isRow(row: unknown): boolean {
  return row !== undefined && row !== null;
}
