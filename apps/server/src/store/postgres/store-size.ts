import type { Clock } from '@ezthrottle/engine';
import { integer } from '../rows/row.ts';
import type { Database } from './database.ts';

/** How long a figure is given again: it looks at every file of the schema. */
const KEPT_MS = 5_000;

const SIZE = `SELECT coalesce(sum(pg_total_relation_size(pg_class.oid)), 0)::int8 AS bytes
  FROM pg_class JOIN pg_namespace ON pg_namespace.oid = pg_class.relnamespace
  WHERE pg_namespace.nspname = $1 AND pg_class.relkind IN ('r', 'p')`;

/** How much the tables of a schema take, with their indexes. Room of rows that went is counted. */
export class StoreSize {
  readonly #database: Database;
  readonly #clock: Pick<Clock, 'monotonic'>;
  #known: { readonly bytes: Promise<number>; readonly at: number } | null = null;

  constructor(database: Database, clock: Pick<Clock, 'monotonic'>) {
    this.#database = database;
    this.#clock = clock;
  }

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
      throw error;
    }
  }
}
