import type { Clock } from '@ezthrottle/engine';
import { createPeriodic } from './periodic.ts';
import type { Service } from './service.ts';

/** How many rows a table has, about. */
export interface TableRows {
  readonly table: string;
  readonly live: number;
  /** Nobody can see them any more; their room is used again once they are cleared away. */
  readonly dead: number;
}

export interface CrowdedTables {
  rows(): Promise<readonly TableRows[]>;
  vacuum(table: string): Promise<void>;
}

export interface VacuumOptions {
  readonly tables: CrowdedTables;
  readonly clock: Clock;
  /** Between rounds, in milliseconds. Default 5 000. */
  readonly everyMs?: number;
  /** Default: always. */
  readonly isOurs?: (() => boolean) | undefined;
  readonly onError: (error: unknown) => void;
}

export interface Vacuum extends Service {
  /** One round. @returns The tables that were cleared. */
  runOnce(): Promise<readonly string[]>;
}

/** Fewer dead rows are not worth the way through the indexes. */
const FEWEST_DEAD = 10_000;
/** Larger tables are left to autovacuum: once a minute is often enough for them, and it goes through them gently. */
const MOST_LIVE = 500_000;

/**
 * Clears dead rows out of small tables that much goes through. PostgreSQL's own autovacuum looks at a database
 * once a minute, as it is set up by default: with a thousand jobs a second tables grow to many times their size
 * meanwhile, and every look for work goes past what is dead.
 */
export function createVacuum(options: VacuumOptions): Vacuum {
  const { tables, clock, everyMs = 5_000, onError } = options;
  /** What the last round could not clear: something holds it back. */
  const left = new Map<string, number>();

  async function runOnce(): Promise<readonly string[]> {
    const rows = await tables.rows();
    // Cleared by somebody else meanwhile, or not held back any more.
    for (const { table, dead } of rows) if (dead < (left.get(table) ?? 0)) left.set(table, dead);
    const crowded = rows.filter((one) => isCrowded(one, left));
    for (const { table } of crowded) await tables.vacuum(table);
    if (crowded.length === 0) return [];
    const names = crowded.map(({ table }) => table);
    for (const { table, dead } of await tables.rows()) {
      if (names.includes(table)) left.set(table, dead);
    }
    return names;
  }

  const periodic = createPeriodic({
    name: 'vacuum',
    clock,
    everyMs,
    isOurs: options.isOurs,
    round: runOnce,
    onError,
  });
  return {
    name: periodic.name,
    start: () => periodic.start(),
    stop: () => periodic.stop(),
    runOnce,
  };
}

/** While rows are held back, it is tried at twice their number each time: else tables would be read for nothing. */
function isCrowded({ table, live, dead }: TableRows, left: ReadonlyMap<string, number>): boolean {
  const least = Math.max(FEWEST_DEAD, live / 2, 2 * (left.get(table) ?? 0));
  return live <= MOST_LIVE && dead >= least;
}
