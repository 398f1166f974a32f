import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';
import type { Store } from '@ezthrottle/engine';
import { openPostgresStore } from '../../../apps/server/src/store/postgres/postgres-store.ts';
import { medianOf, shown, tableOf } from '../numbers.ts';
import { ask, startDatabase } from './database.ts';
import { preload } from './preload.ts';
import { BATCH, claimAndSettle, jobOf, putTenant, submitJobs } from './store-work.ts';

const LEAST = 1_000;
const WITHIN = 1.5;

/** Microseconds for each job. */
interface Cost {
  readonly submit: number;
  readonly claim: number;
}

export interface BacklogOptions {
  /** How many jobs wait in the end, from 1 000 on times ten. */
  readonly most: number;
  /** How long a transaction stays open while jobs go through, in seconds. */
  readonly openForSeconds: number;
  readonly isQuick: boolean;
}

/**
 * What a job costs at the store while more and more others wait in the same line, and while a transaction
 * stays open that keeps dead rows from being removed. @returns Rows for the table of goals.
 */
export async function measureBacklogs(options: BacklogOptions): Promise<readonly string[][]> {
  await using database = await startDatabase();
  await using closing = new AsyncDisposableStack();
  const store = await openPostgresStore({ url: database.url });
  closing.defer(() => store.close());
  await putTenant(store);
  const model = jobOf(0);
  await submitJobs(store, [model]);
  const rounds = options.isQuick ? 10 : 40;
  let number = 1;
  const cost = async (): Promise<Cost> => {
    const result = await costOf(store, rounds, number);
    number += rounds * BATCH;
    return result;
  };
  await preload(database.url, model.id, LEAST);
  await cost();
  const table: [string, Cost][] = [];
  for (let size = LEAST; size <= options.most; size *= 10) {
    process.stderr.write(`  backlog: ${size}\n`);
    const waiting = Number(
      (await ask(database.url, 'SELECT count(*) FROM ezthrottle.work'))[0]?.['count'],
    );
    if (waiting < size) await preload(database.url, model.id, size - waiting);
    table.push([shown(size), await cost()]);
  }
  table.push(...(await withOpenTransaction(store, database.url, options.openForSeconds, cost)));
  const [base] = table;
  if (base === undefined) throw new Error('nothing was measured');
  print(table, base[1]);
  return goalsOf(
    table.filter(([name]) => /^[\d\s]+$/.test(name)),
    base[1],
  );
}

/** The medians of some rounds, in which one batch is submitted and another one taken from the line. */
async function costOf(store: Store, rounds: number, first: number): Promise<Cost> {
  const submits: number[] = [];
  const claims: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const jobs = Array.from({ length: BATCH }, (_, index) => jobOf(first + round * BATCH + index));
    submits.push(await timed(() => submitJobs(store, jobs)));
    claims.push(await timed(() => claimAndSettle(store, BATCH)));
  }
  return { submit: medianOf(submits), claim: medianOf(claims) };
}

async function timed(act: () => Promise<void>): Promise<number> {
  const begun = performance.now();
  await act();
  return ((performance.now() - begun) * 1_000) / BATCH;
}

/** Jobs go through all the time; measured at the end of it, and when the dead rows have been removed since. */
async function withOpenTransaction(
  store: Store,
  url: string,
  seconds: number,
  cost: () => Promise<Cost>,
): Promise<[string, Cost][]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
  await client.query('SELECT count(*) FROM ezthrottle.slots');
  const end = performance.now() + seconds * 1_000;
  let last = await cost();
  while (performance.now() < end) {
    process.stderr.write(
      `  backlog: open for ${shown((end - performance.now()) / 1_000)} s more\r`,
    );
    last = await cost();
  }
  const dead = await deadRows(url);
  await client.query('COMMIT');
  await client.end();
  await vacuumed(url);
  return [
    [`… a transaction open for ${seconds} s (${shown(dead)} dead rows)`, last],
    ['… after it has ended', await cost()],
  ];
}

async function deadRows(url: string): Promise<number> {
  // Connections tell their numbers with some delay.
  await pause(1_500);
  const sql =
    "SELECT sum(n_dead_tup)::int AS dead FROM pg_stat_user_tables WHERE schemaname = 'ezthrottle'";
  return Number((await ask(url, sql))[0]?.['dead']);
}

async function vacuumed(url: string): Promise<void> {
  for (const table of ['runs', 'work', 'commit_marks']) {
    await ask(url, `VACUUM ezthrottle.${table}`);
  }
}

function print(table: readonly (readonly [string, Cost])[], base: Cost): void {
  console.log(
    '\ncost of a job at the store while others wait in the same line, batches of 100, medians',
  );
  console.log('the backlog is put in by SQL and vacuumed; claim: read, arm and settle\n');
  const header = ['waiting', 'submit µs', 'of first', 'claim µs', 'of first'];
  const rows = table.map(([name, { submit, claim }]) => [
    name,
    shown(submit),
    `${shown(submit / base.submit)}×`,
    shown(claim),
    `${shown(claim / base.claim)}×`,
  ]);
  console.log(tableOf([header, ...rows]));
}

function goalsOf(table: readonly (readonly [string, Cost])[], base: Cost): string[][] {
  return (['submit', 'claim'] as const).map((part) => {
    const ratios = table.map(([, cost]) => cost[part] / base[part]);
    const worst = Math.max(...ratios);
    const verdict = worst <= WITHIN ? 'reached' : 'missed';
    const title = `${part} with ${table.at(-1)?.[0] ?? ''} waiting, of that with ${table[0]?.[0] ?? ''}`;
    return [
      title,
      `${shown(ratios.at(-1) ?? null)}×`,
      shown(Math.min(...ratios)),
      shown(worst),
      `≤ ${WITHIN}×`,
      verdict,
    ];
  });
}
