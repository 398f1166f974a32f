import type { Clock } from '@ezthrottle/engine';
import { StoreUnavailableError } from '../store-unavailable-error.ts';
import { integer } from '../rows/row.ts';
import type { Database } from './database.ts';
import { unavailable } from './postgres-error.ts';

/** How long a figure is given again: it looks at every file of the schema. */
const KEPT_MS = 5_000;

// What takes room in a table is estimated from what PostgreSQL knows without reading it: how many rows there are,
// with those that nobody has cleared away yet, and how wide they are. 36 bytes of a row are its header and what
// aligns it. Indexes and what is kept outside of the rows are taken to be as full as the rows' own file. A quarter
// is added, so that a full table is never taken for one with room; small tables, and those that were never
// analyzed, count whole. The number of rows as of the last clearing counts where it is larger: after a crash the
// running counts begin at 0.
const SIZE = `WITH files AS (
    SELECT one.oid, one.relname, one.reltuples, pg_relation_size(one.oid) AS heap,
      pg_total_relation_size(one.oid) AS total
    FROM pg_class AS one JOIN pg_namespace AS its ON its.oid = one.relnamespace
    WHERE its.nspname = $1 AND one.relkind IN ('r', 'p')
  ), widths AS (
    SELECT tablename, sum(avg_width * (1 - null_frac)) + 36 AS width FROM pg_stats
    WHERE schemaname = $1 AND NOT inherited GROUP BY tablename
  ), full_parts AS (
    SELECT files.total, CASE WHEN files.heap >= 1048576 AND files.reltuples >= 0
        THEN least(1, 1.25 * widths.width / files.heap
          * greatest(files.reltuples, coalesce(counts.n_live_tup + counts.n_dead_tup, 0))) END AS part
    FROM files LEFT JOIN widths ON widths.tablename = files.relname
    LEFT JOIN pg_stat_user_tables AS counts ON counts.relid = files.oid
  )
  SELECT coalesce(sum(total * coalesce(part, 1)), 0)::int8 AS bytes FROM full_parts`;

/** How much the tables of a schema take, with their indexes, about; room that is free to be used again does not count. */
export class StoreSize {
  readonly #database: Database;
  readonly #clock: Pick<Clock, 'monotonic'>;
  #known: { readonly bytes: Promise<number>; readonly at: number } | null = null;

  constructor(database: Database, clock: Pick<Clock, 'monotonic'>) {
    this.#database = database;
    this.#clock = clock;
  }

  /** @throws StoreUnavailableError while the database is away. */
  bytes(): Promise<number> {
    const now = this.#clock.monotonic();
    if (this.#known === null || now - this.#known.at >= KEPT_MS) {
      this.#known = { bytes: this.#read(), at: now };
    }
    return this.#known.bytes;
  }

  async #read(): Promise<number> {
    try {
      const [row = {}] = await this.#database.query(SIZE, [this.#database.schema]);
      return integer(row, 'bytes');
    } catch (error) {
      this.#known = null;
      const away = unavailable(error);
      throw away instanceof StoreUnavailableError ? away : error;
    }
  }
}
