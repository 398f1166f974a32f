import { setTimeout as pause } from 'node:timers/promises';
import { systemClock } from '../../../apps/server/src/clock.ts';
import { Database } from '../../../apps/server/src/store/postgres/database.ts';
import { crowdedTables } from '../../../apps/server/src/store/postgres/dead-rows.ts';
import { openPostgresStore } from '../../../apps/server/src/store/postgres/postgres-store.ts';
import { createVacuum, type Vacuum } from '../../../apps/server/src/upkeep/vacuum.ts';
import { shown, tableOf } from '../numbers.ts';
import { ask, startDatabase } from './database.ts';
import { BATCH, jobOf, liveAndPrune, prune, putTenant } from './store-work.ts';

/** So many ended jobs are kept, as a retention by time would. */
const KEPT = 20_000;
/** The sizes that everything is held against are taken when so many have gone through. */
const SETTLED_AFTER = 3 * KEPT;
const PRUNED_AT_ONCE = 1_000;
const WITHIN = 1.5;

interface Size {
  readonly name: string;
  readonly table: number;
  readonly indexes: number;
  readonly dead: number;
}

/**
 * Jobs through their whole life and away again, and what the tables have grown to meanwhile. @returns Rows
 * for the table of goals.
 */
export async function measureChurn(jobs: number): Promise<readonly string[][]> {
  await using database = await startDatabase();
  await using closing = new AsyncDisposableStack();
  const store = await openPostgresStore({ url: database.url });
  closing.defer(() => store.close());
  await putTenant(store);
  const beside = new Database({ url: database.url, applicationName: 'ezthrottle node' });
  closing.defer(() => beside.close());
  const cleared = await vacuuming(beside);
  closing.defer(() => cleared.vacuum.stop());
  const endedAt: number[] = [];
  let before: readonly Size[] = [];
  let pruned = 0;
  const total = SETTLED_AFTER + jobs;
  const begun = performance.now();
  for (let done = 0; done < total; done += BATCH) {
    if (done === SETTLED_AFTER) before = await sizesOf(database.url);
    if (cleared.errors.length > 0) throw cleared.errors[0];
    await liveAndPrune(
      store,
      Array.from({ length: BATCH }, (_, index) => jobOf(done + index)),
    );
    endedAt.push(Date.now());
    if (endedAt.length * BATCH > KEPT + PRUNED_AT_ONCE) {
      const oldest = endedAt.splice(0, PRUNED_AT_ONCE / BATCH).at(-1) ?? 0;
      pruned += await prune(store, oldest + 1, PRUNED_AT_ONCE);
    }
    if (done % 100_000 === 0) process.stderr.write(`  churn: ${done} of ${total}\n`);
  }
  const seconds = (performance.now() - begun) / 1_000;
  const after = await sizesOf(database.url);
  const vacuums = await ask(
    database.url,
    `SELECT sum(autovacuum_count)::int AS auto, sum(vacuum_count)::int AS own FROM pg_stat_user_tables WHERE schemaname = 'ezthrottle'`,
  );
  console.log(
    `\ntables after ${shown(SETTLED_AFTER)} jobs and after ${shown(total)}, each taken in, called, settled, ` +
      `delivered and removed;\n${shown(KEPT)} ended ones are kept, ${shown(pruned)} were removed; ` +
      `${shown(total / seconds)} jobs/s, ${String(vacuums[0]?.['own'])} runs of our vacuum and ${String(vacuums[0]?.['auto'])} of autovacuum; kB\n`,
  );
  const rows = after.map((size) => {
    const first = before.find(({ name }) => name === size.name);
    const kB = (bytes: number | undefined): string =>
      shown(bytes === undefined ? null : bytes / 1_024);
    return [
      size.name,
      kB(first?.table),
      kB(size.table),
      kB(first?.indexes),
      kB(size.indexes),
      shown(size.dead),
    ];
  });
  const header = ['', 'table before', 'after', 'indexes before', 'after', 'dead rows'];
  console.log(tableOf([header, ...rows]));
  const ratio = bytesOf(after) / bytesOf(before);
  const verdict = ratio <= WITHIN ? 'reached' : 'missed';
  const title = `size after ${shown(jobs)} jobs more`;
  return [[title, `${shown(ratio)}×`, '', '', `≤ ${WITHIN}×`, verdict]];
}

/** As a node does it beside its other work. */
async function vacuuming(database: Database): Promise<{ vacuum: Vacuum; errors: unknown[] }> {
  const errors: unknown[] = [];
  const tables = crowdedTables(database);
  const onError = (error: unknown): unknown => errors.push(error);
  const vacuum = createVacuum({ tables, clock: systemClock, onError });
  await vacuum.start();
  return { vacuum, errors };
}

function bytesOf(sizes: readonly Size[]): number {
  return sizes.reduce((sum, { table, indexes }) => sum + table + indexes, 0);
}

async function sizesOf(url: string): Promise<readonly Size[]> {
  // Connections tell their numbers with some delay.
  await pause(1_500);
  const rows = await ask(
    url,
    `SELECT relname AS name, pg_table_size(relid)::float8 AS "table",
       pg_indexes_size(relid)::float8 AS indexes, n_dead_tup::float8 AS dead
     FROM pg_stat_user_tables WHERE schemaname = 'ezthrottle' AND pg_table_size(relid) > 65536
     ORDER BY pg_total_relation_size(relid) DESC`,
  );
  return rows.map((row) => ({
    name: String(row['name']),
    table: Number(row['table']),
    indexes: Number(row['indexes']),
    dead: Number(row['dead']),
  }));
}
