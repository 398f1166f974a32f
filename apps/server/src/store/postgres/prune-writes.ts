import type { PruneOperation } from '@ezthrottle/engine';
import { boundedLimit } from '../rows/bounded-limit.ts';
import { JOB_STATE_CODES } from '../rows/codes.ts';
import { coded, identifier, integer, optionalText, type Row } from '../rows/row.ts';
import { Columns, listOf, unnested } from './columns.ts';
import { KEY_SHAPE, TAG_SHAPE } from './job-rows.ts';
import { keyOfJob } from './key-of-job.ts';
import { bytesOfText } from './text-bytes.ts';
import { together } from './together.ts';
import type { WriteScope } from './write-scope.ts';

// A job whose key may still be taken stays, since a repeat is answered with it. Two nodes that prune at the
// same moment take different jobs.
export const PRUNABLE_JOBS = `SELECT ended.job FROM {ended} AS ended
  WHERE ended.ended_at < $1 AND ended.expires_at <= $2 AND NOT EXISTS (
    SELECT 1 FROM {deliveries} AS deliveries
    WHERE deliveries.job = ended.job AND deliveries.state = 0)
  ORDER BY ended.ended_at, ended.job LIMIT $3 FOR UPDATE OF ended SKIP LOCKED`;

/** What has to be known of a job to remove it. */
export const REMOVABLE_COLUMNS = `jobs.id, jobs.public_id, jobs.organization, jobs.tags,
  jobs.idempotent_key, jobs.fingerprint, jobs.scope, jobs.created_at, ended.state`;

// A delivery may have been replayed before the jobs were locked.
export const LOCKED_JOBS: string = `SELECT ${REMOVABLE_COLUMNS} FROM {jobs} AS jobs
  JOIN {ended} AS ended ON ended.job = jobs.id
  WHERE jobs.id = ANY ($1::int8[]) AND NOT EXISTS (
    SELECT 1 FROM {deliveries} AS deliveries
    WHERE deliveries.job = jobs.id AND deliveries.state = 0)`;

const DELETE_KEYS = `DELETE FROM {idempotency_keys} AS keys USING ${unnested('gone', KEY_SHAPE)}
  WHERE keys.organization = gone.organization AND keys.key_hash = gone.key_hash
    AND keys.scope = gone.scope AND keys.retired IN (0, gone.job) AND keys.job = gone.job`;

const DELETE_TAGS = `DELETE FROM {tags} AS tags USING ${unnested('gone', TAG_SHAPE)}
  WHERE tags.organization = gone.organization AND tags.tag = gone.tag AND tags.state = gone.state
    AND tags.created_at = gone.created_at AND tags.public_id = gone.public_id`;

const DELETIONS: readonly string[] = [
  ...['attempts', 'delivery_attempts', 'deliveries', 'ended'].map(
    (table) => `DELETE FROM {${table}} WHERE job = ANY ($1::int8[])`,
  ),
  'DELETE FROM {jobs} WHERE id = ANY ($1::int8[])',
];

/** Removes what is past its time, the oldest first, and tells how many jobs went. */
export async function pruneJobs(
  scope: WriteScope,
  { now, jobsEndedBefore, limit }: PruneOperation,
): Promise<number> {
  const { transaction } = scope;
  const locked = await transaction.query(PRUNABLE_JOBS, [
    jobsEndedBefore,
    now,
    boundedLimit(limit),
  ]);
  if (locked.length === 0) return 0;
  const jobs = listOf(
    'int8',
    locked.map((row) => integer(row, 'job')),
  );
  const rows = await transaction.query(LOCKED_JOBS, [jobs]);
  await removeJobs(scope, rows);
  return rows.length;
}

/** Removes ended jobs with all that hangs on them; rows have `REMOVABLE_COLUMNS`, and are locked. */
export async function removeJobs(
  { transaction, counts }: WriteScope,
  rows: readonly Row[],
): Promise<void> {
  if (rows.length === 0) return;
  const keys = new Columns(KEY_SHAPE);
  const tags = new Columns(TAG_SHAPE);
  for (const row of rows) {
    keys.add(keyOfJob(row));
    addTags(tags, row);
    counts.add(coded(row, 'state', JOB_STATE_CODES), -1);
  }
  const jobs = listOf(
    'int8',
    rows.map((row) => integer(row, 'id')),
  );
  const deletions = DELETIONS.map((sql) => transaction.run(sql, [jobs]));
  deletions.push(transaction.run(DELETE_KEYS, keys.values()));
  if (tags.length > 0) deletions.push(transaction.run(DELETE_TAGS, tags.values()));
  await together(deletions);
}

function addTags(columns: Columns<typeof TAG_SHAPE>, row: Row): void {
  const stored = optionalText(row, 'tags');
  if (stored === null) return;
  const tags: readonly string[] = JSON.parse(stored);
  for (const tag of tags) {
    columns.add({
      organization: integer(row, 'organization'),
      tag: bytesOfText(tag),
      state: integer(row, 'state'),
      created_at: integer(row, 'created_at'),
      public_id: identifier(row, 'public_id'),
      job: integer(row, 'id'),
    });
  }
}
