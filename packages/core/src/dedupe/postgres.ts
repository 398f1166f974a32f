import type { DedupeClaim, DedupeStore } from '../webhooks/dedupe-store.ts';
import { rowsOf, type PostgresClient } from './postgres-client.ts';
import { PRUNED_ROWS, pruningTurn, type PruningOptions } from './pruning.ts';
import { storedId } from './stored-id.ts';
import { partsOfTableName, quotedTableName } from './table-name.ts';
import { wholeMs } from './whole-ms.ts';

export type { PgClient, PostgresClient, PostgresJsClient } from './postgres-client.ts';
export type { PruningOptions } from './pruning.ts';

export interface PostgresDedupeOptions extends PruningOptions {
  /** Table, with its schema and a dot before it if need be. Default `ezthrottle_dedupe`. */
  readonly table?: string;
}

export interface PostgresDedupeStore extends DedupeStore {
  /** Makes the table unless it is there; any number of processes may do so at once. */
  createTable(): Promise<void>;
  /** Removes up to 500 expired rows; gives how many it were. */
  prune(): Promise<number>;
}

const TABLE = 'ezthrottle_dedupe';

/**
 * Remembers deliveries in a table of PostgreSQL, for any number of processes; all times are those of
 * the database. Each call is one statement, so a pool and a pooler in front of it are fine. Do not give
 * it a connection that is inside a transaction: a claim that others cannot see yet claims nothing.
 *
 * @param client From `pg` or `postgres`. Stays yours to close.
 * @throws {TypeError} when it is neither. {RangeError} for a table's name that cannot be one.
 * @example
 * const dedupe = postgresDedupe(new Pool({ connectionString }));
 * await dedupe.createTable(); // or postgresDedupeSql() in a migration of yours
 * const receiver = createReceiver({ secrets, dedupe });
 */
export function postgresDedupe(
  client: PostgresClient,
  options: PostgresDedupeOptions = {},
): PostgresDedupeStore {
  const query = rowsOf(client);
  const isTimeToPrune = pruningTurn(options);
  const parts = partsOfTableName(options.table ?? TABLE, 2);
  const sql = statementsOf(quotedTableName(parts));
  const prune = async (): Promise<number> => (await query(sql.prune)).length;
  return {
    async createTable() {
      await query(createOnce(postgresDedupeSql(parts.join('.'))));
    },
    prune,
    async begin(id, { leaseMs, token }) {
      const lease = wholeMs('leaseMs', leaseMs);
      // Before the claim: should it fail, nothing is held.
      if (isTimeToPrune()) await prune();
      return claimOf(await query(sql.begin, [await storedId(id), token, lease]));
    },
    async commit(id, token, ttlMs) {
      const ttl = wholeMs('ttlMs', ttlMs);
      return (await query(sql.commit, [await storedId(id), token, ttl])).length > 0;
    },
    async release(id, token) {
      return (await query(sql.release, [await storedId(id), token])).length > 0;
    },
  };
}

/**
 * The statements that make the table, for a migration of yours.
 *
 * @param table Default `ezthrottle_dedupe`.
 * @throws {RangeError} when it cannot be a table's name.
 */
export function postgresDedupeSql(table: string = TABLE): string {
  const parts = partsOfTableName(table, 2);
  const name = quotedTableName(parts);
  const index = quotedTableName([`${(parts.at(-1) ?? '').slice(0, 48)}_expires_at`]);
  return `CREATE TABLE IF NOT EXISTS ${name} (
  id text PRIMARY KEY,
  token text, -- null once it is done
  expires_at timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS ${index} ON ${name} (expires_at);
`;
}

/** One statement for every kind of client. IF NOT EXISTS alone fails when two do it at once. */
function createOnce(statements: string): string {
  return `DO $create$ BEGIN
PERFORM pg_advisory_xact_lock(hashtextextended('ezthrottle_dedupe', 0));
${statements}END $create$`;
}

/** What is not found was inserted by somebody else a moment ago, and so is what has expired. */
function claimOf([row]: readonly unknown[]): DedupeClaim {
  const claim = typeof row === 'object' && row !== null && 'claim' in row ? row.claim : null;
  return claim === 'acquired' || claim === 'done' ? claim : 'in_flight';
}

function statementsOf(table: string): Record<'begin' | 'commit' | 'release' | 'prune', string> {
  const later = `clock_timestamp() + $3::float8 * interval '1 millisecond'`;
  return {
    // The second part sees the table as it was before the first: only what has not expired in it is
    // sure to stand there still.
    begin: `WITH claimed AS (
  INSERT INTO ${table} AS held (id, token, expires_at) VALUES ($1, $2, ${later})
  ON CONFLICT (id) DO UPDATE SET token = excluded.token, expires_at = excluded.expires_at
  WHERE held.expires_at <= clock_timestamp()
  RETURNING id
)
SELECT 'acquired' AS claim FROM claimed
UNION ALL
SELECT 'done' FROM ${table}
WHERE id = $1 AND token IS NULL AND expires_at > clock_timestamp() AND NOT EXISTS (SELECT FROM claimed)`,
    commit: `UPDATE ${table} SET token = NULL, expires_at = ${later}
WHERE id = $1 AND token = $2 RETURNING id`,
    release: `DELETE FROM ${table} WHERE id = $1 AND token = $2 RETURNING id`,
    prune: `DELETE FROM ${table} WHERE id IN (
  SELECT id FROM ${table} WHERE expires_at <= now() ORDER BY expires_at LIMIT ${PRUNED_ROWS}
  FOR UPDATE SKIP LOCKED
) RETURNING id`,
  };
}
