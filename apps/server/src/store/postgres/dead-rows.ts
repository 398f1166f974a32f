import type { CrowdedTables } from '../../upkeep/vacuum.ts';
import { integer, text } from '../rows/row.ts';
import type { Database } from './database.ts';

/** Those that jobs go through: each leaves several dead rows behind in them. */
const BUSY_TABLES = [
  'attempts',
  'commit_marks',
  'deliveries',
  'delivery_attempts',
  'ended',
  'idempotency_keys',
  'inbox',
  'jobs',
  'pace',
  'runs',
  'tags',
  'work',
] as const;

/** As the server's own statistics have it: some of it is half a second late. */
const ROWS = `
  SELECT relname AS name, n_live_tup AS live, n_dead_tup AS dead FROM pg_stat_user_tables
  WHERE schemaname = $1 AND relname = ANY (ARRAY(SELECT json_array_elements_text($2::json)))`;

/**
 * Waits for nobody and is waited for by nobody: a table that autovacuum is at is passed over, and none is made
 * shorter, which would take a lock that stops all readers.
 */
const vacuumOf = (table: string): string =>
  `VACUUM (SKIP_LOCKED, TRUNCATE false, PARALLEL 0) {${table}}`;

/** What the server knows of dead rows, and how they are cleared away. */
export function crowdedTables(database: Database): CrowdedTables {
  return {
    async rows() {
      const rows = await database.query(ROWS, [database.schema, JSON.stringify(BUSY_TABLES)]);
      return rows.map((row) => ({
        table: text(row, 'name'),
        live: integer(row, 'live'),
        dead: integer(row, 'dead'),
      }));
    },
    async vacuum(table) {
      await database.run(vacuumOf(table));
    },
  };
}
