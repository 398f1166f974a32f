import type { PruneOperation } from '@ezthrottle/engine';
import { boundedLimit } from '../rows/bounded-limit.ts';
import { JOB_STATE_CODES } from '../rows/codes.ts';
import { coded, flag, identifier, integer, optionalText, type Row } from '../rows/row.ts';
import { Columns, listOf, unnested } from './columns.ts';
import type { Queryable } from './database.ts';
import { KEY_SHAPE, TAG_SHAPE } from './job-rows.ts';
import { keyOfJob } from './key-of-job.ts';
import { together } from './together.ts';
import type { WriteScope } from './write-scope.ts';

// Each row is looked up by itself: no statistics can make that a scan of a table (see advance-rows.ts).

/** Whether a delivery of the job in this column is pending. */
const isDelivering = (job: string): string =>
  `((SELECT 1 FROM {deliveries} WHERE job = ${job} AND state <= 0 LIMIT 1) IS NOT NULL)`;

/** Whether its row of the inbox is still there: the node that took it in has not lived to remove it. */
const isInInbox = (job: string): string => `((SELECT 1 FROM {inbox}
    WHERE id = (SELECT public_id FROM {jobs} WHERE id = ${job} LIMIT 1) LIMIT 1) IS NOT NULL)`;

// A job whose key may still be taken stays, since a repeat is answered with it. Two nodes that prune at the
// same moment take different jobs.
export const PRUNABLE_JOBS: string = `SELECT ended.job FROM {ended} AS ended
  WHERE ended.ended_at < $1 AND ended.expires_at <= $2 AND NOT ${isDelivering('ended.job')}
    AND NOT ${isInInbox('ended.job')}
  ORDER BY ended.ended_at, ended.job LIMIT $3 FOR UPDATE OF ended SKIP LOCKED`;

/** Jobs that have ended, with what has to be known of one to remove it, by a list of their rows. */
export const ENDED_JOBS: string = `SELECT jobs.*, ended.state, ended.expires_at,
    ${isDelivering('wanted.job')} AS is_delivering
  FROM unnest($1::int8[]) AS wanted (job)
  CROSS JOIN LATERAL (
    SELECT state, expires_at FROM {ended} WHERE job = wanted.job LIMIT 1
  ) AS ended
  CROSS JOIN LATERAL (SELECT * FROM {jobs} WHERE id = wanted.job LIMIT 1) AS jobs`;

export const DELETE_KEYS: string = `DELETE FROM {idempotency_keys} AS keys USING (
    SELECT found.place FROM ${unnested('gone', KEY_SHAPE)} CROSS JOIN LATERAL (
      SELECT ctid AS place FROM {idempotency_keys} AS held
      WHERE held.organization = gone.organization AND held.key_hash = gone.key_hash
        AND held.scope = gone.scope AND held.retired IN (0, gone.job) AND held.job = gone.job LIMIT 1
    ) AS found
  ) AS gone WHERE keys.ctid = gone.place`;

export const DELETE_TAGS: string = `DELETE FROM {tags} USING (
    SELECT found.place FROM ${unnested('gone', TAG_SHAPE)} CROSS JOIN LATERAL (
      SELECT ctid AS place FROM {tags}
      WHERE organization = gone.organization AND tag = gone.tag AND state = gone.state
        AND created_at = gone.created_at AND public_id = gone.public_id LIMIT 1
    ) AS found
  ) AS gone WHERE tags.ctid = gone.place`;

export const DELETIONS: readonly string[] = [
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
  // Read once they are locked: a delivery may have been replayed before.
  const rows = await transaction.query(ENDED_JOBS, [jobs]);
  const removable = rows.filter((row) => !flag(row, 'is_delivering'));
  await removeJobs(scope, removable);
  return removable.length;
}

/** Removes ended jobs with all that hangs on them; rows are those of `ENDED_JOBS`, and are locked. */
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
  deletions.push(deleteKeys(transaction, keys));
  if (tags.length > 0) deletions.push(transaction.run(DELETE_TAGS, tags.values()));
  await together(deletions);
}

/** Every job has a row there, until it is removed; another node may be retiring it at this moment. */
async function deleteKeys(
  transaction: Queryable,
  keys: Columns<typeof KEY_SHAPE>,
): Promise<number> {
  const count = await transaction.run(DELETE_KEYS, keys.values());
  if (count === keys.length) return count;
  return count + (await transaction.run(DELETE_KEYS, keys.values()));
}

function addTags(columns: Columns<typeof TAG_SHAPE>, row: Row): void {
  const stored = optionalText(row, 'tags');
  if (stored === null) return;
  const tags: readonly string[] = JSON.parse(stored);
  for (const tag of tags) {
    columns.add({
      organization: integer(row, 'organization'),
      tag,
      state: integer(row, 'state'),
      created_at: integer(row, 'created_at'),
      public_id: identifier(row, 'public_id'),
      job: integer(row, 'id'),
    });
  }
}
