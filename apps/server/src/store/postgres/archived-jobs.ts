import { archivedValues } from '../archive/archived-values.ts';
import type { ArchiveRow, ArchiveTable } from '../archive/archive-tables.ts';
import { integer, type Row } from '../rows/row.ts';
import { restoredFingerprint } from '../rows/stored-claim.ts';
import { Columns, listOf, unnested } from './columns.ts';
import type { Queryable } from './database.ts';
import { KEY_SHAPE } from './job-rows.ts';
import { keyOfJob } from './key-of-job.ts';

const JOBS_AT_ONCE = 200;

const JOBS = `SELECT jobs.*, coalesce(runs.state, ended.state) AS state,
    coalesce(runs.started_at, ended.started_at) AS started_at,
    coalesce(runs.window_ms, ended.expires_at - ended.ended_at) AS window_ms,
    ended.ended_at, ended.end_json, runs.version, runs.wake_at, runs.attempts AS attempts_given,
    runs.armed, runs.data AS run
  FROM {jobs} AS jobs LEFT JOIN {runs} AS runs ON runs.job = jobs.id
  LEFT JOIN {ended} AS ended ON ended.job = jobs.id
  WHERE jobs.id > $1 ORDER BY jobs.id LIMIT ${JOBS_AT_ONCE}`;

const HOLDERS = `SELECT keys.job FROM ${unnested('wanted', KEY_SHAPE)}
  JOIN {idempotency_keys} AS keys ON keys.organization = wanted.organization
    AND keys.key_hash = wanted.key_hash AND keys.scope = wanted.scope AND keys.retired = 0
    AND keys.job = wanted.job`;

const ORDER_OF_PARTS: Readonly<Record<string, string>> = {
  work: 'leg',
  attempts: 'attempt',
  deliveries: 'webhook',
  delivery_attempts: 'webhook, attempt',
};

/** Jobs with all that hangs on them, as an archive tells them. */
export async function* archivedJobs(
  queryable: Queryable,
  table: ArchiveTable,
): AsyncGenerator<readonly ArchiveRow[]> {
  let last = -1;
  for (;;) {
    const rows = await queryable.query(JOBS, [last]);
    const end = rows.at(-1);
    if (end === undefined) return;
    last = integer(end, 'id');
    yield await withParts(queryable, table, rows);
  }
}

async function withParts(
  queryable: Queryable,
  table: ArchiveTable,
  rows: readonly Row[],
): Promise<readonly ArchiveRow[]> {
  const jobs = listOf(
    'int8',
    rows.map((row) => integer(row, 'id')),
  );
  const parts = await Promise.all(
    Object.entries(table.parts).map(async ([name, columns]) => {
      const sql = `SELECT * FROM {${name}} WHERE job = ANY ($1::int8[])
        ORDER BY job, ${ORDER_OF_PARTS[name]}`;
      const found = await queryable.query(sql, [jobs]);
      return { name, columns, ofJob: byJob(found) };
    }),
  );
  const holders = await keyHolders(queryable, rows);
  return rows.map((row) => {
    const job = integer(row, 'id');
    const told = {
      ...row,
      fingerprint: restoredFingerprint(row['fingerprint']),
      is_key_holder: holders.has(job),
    };
    return {
      values: archivedValues(table.columns, told),
      parts: Object.fromEntries(
        parts.map(({ name, columns, ofJob }) => [
          name,
          (ofJob.get(job) ?? []).map((part) => archivedValues(columns, part)),
        ]),
      ),
    };
  });
}

function byJob(rows: readonly Row[]): ReadonlyMap<number, readonly Row[]> {
  const found = new Map<number, Row[]>();
  for (const row of rows) {
    const job = integer(row, 'job');
    const known = found.get(job);
    if (known === undefined) found.set(job, [row]);
    else known.push(row);
  }
  return found;
}

/** Those of these jobs that hold their key. */
async function keyHolders(
  queryable: Queryable,
  rows: readonly Row[],
): Promise<ReadonlySet<number>> {
  const columns = new Columns(KEY_SHAPE);
  for (const row of rows) columns.add(keyOfJob(row));
  const held = await queryable.query(HOLDERS, columns.values());
  return new Set(held.map((row) => integer(row, 'job')));
}
