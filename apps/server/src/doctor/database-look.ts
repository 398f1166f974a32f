import type { Clock } from '@ezthrottle/engine';
import type { Probe, ProbeRow } from '../store/postgres/probe.ts';
import type { Migration } from '../store/migration.ts';

/** What the server would use the database with. */
export interface DatabasePlan {
  readonly url: string;
  /** Null: the same. */
  readonly listenUrl: string | null;
  readonly schema: string;
  /** Connections of one node for jobs. */
  readonly pool: number;
  /** Whether statements are prepared by name. */
  readonly prepare: boolean;
  /** Whether nodes listen. */
  readonly notify: boolean;
  /** Whether `start` brings the schema up to date by itself. */
  readonly migrate: boolean;
  /** Names of the master keys that the server has; null: it was given none. */
  readonly keyIds: readonly string[] | null;
}

/** What every check of a database is given. */
export interface DatabaseLook {
  readonly plan: DatabasePlan;
  readonly probe: Probe;
  /** A further connection to the same address, closed by whoever asked for it. */
  readonly another: () => Promise<Probe>;
  readonly clock: Pick<Clock, 'now' | 'monotonic'>;
  readonly migrations: readonly Migration[];
  /** Of this program. */
  readonly version: string;
  /** How old a transaction may be, in milliseconds. */
  readonly longTransactionMs: number;
}

/** The only row of an answer that has one. */
export async function oneRow(
  probe: Probe,
  sql: string,
  values: readonly unknown[] = [],
): Promise<ProbeRow> {
  const [row = {}] = await probe.query(sql, values);
  return row;
}

export function numberOf(row: ProbeRow, column: string): number {
  return Number(row[column] ?? 0);
}

export function textOf(row: ProbeRow, column: string): string {
  return row[column] ?? '';
}

/** PostgreSQL's way of writing a boolean. */
export function isTrue(row: ProbeRow, column: string): boolean {
  return row[column] === 't';
}

/** Whether the schema has this table. */
export async function hasTable({ probe, plan }: DatabaseLook, table: string): Promise<boolean> {
  const row = await oneRow(
    probe,
    `SELECT EXISTS (SELECT FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
       WHERE nspname = $1 AND relname = $2 AND relkind IN ('r', 'p')) AS is_there`,
    [plan.schema, table],
  );
  return isTrue(row, 'is_there');
}

export function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0;
}
