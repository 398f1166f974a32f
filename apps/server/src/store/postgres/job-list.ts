import { JOB_STATES } from '@ezthrottle/core/protocol';
import type { JobListQuery, JobSummary } from '@ezthrottle/engine';
import { boundedLimit } from '../rows/bounded-limit.ts';
import { JOB_STATE_CODES } from '../rows/codes.ts';
import { jobSummary } from '../rows/records.ts';
import { idempotencyKeyHash } from '../rows/stored-claim.ts';
import { listOf } from './columns.ts';
import type { Queryable, SqlValue } from './database.ts';
import { isIdentifier } from './interned.ts';
import { uuidOf } from './job-rows.ts';
import { bytesOfText } from './text-bytes.ts';

const COLUMNS = `jobs.public_id, jobs.idempotent_key, jobs.fingerprint, jobs.url, jobs.method,
  jobs.tags, coalesce(runs.state, ended.state) AS state, jobs.racing, jobs.created_at,
  ended.ended_at`;

const STATES = `LEFT JOIN LATERAL (SELECT state FROM {runs} WHERE job = jobs.id LIMIT 1) AS runs ON true
  LEFT JOIN LATERAL (
    SELECT state, ended_at FROM {ended} WHERE job = jobs.id LIMIT 1
  ) AS ended ON true`;

const LISTED_JOBS = `CROSS JOIN LATERAL (SELECT * FROM {jobs} WHERE id = listed.job LIMIT 1) AS jobs
  ${STATES}`;

// One index serves every choice of states: the newest of each, merged.
const newestOf = (
  table: string,
): string => `SELECT newest.* FROM unnest($2::int2[]) AS wanted (state)
  CROSS JOIN LATERAL (
    SELECT job, created_at, public_id FROM ${table}
    WHERE organization = $1 AND state = wanted.state AND (created_at, public_id) < ($3, $4)
    ORDER BY created_at DESC, public_id DESC LIMIT $5
  ) AS newest`;

export const LIST_BY_STATE: string = `SELECT ${COLUMNS} FROM (
    SELECT * FROM (${newestOf('{runs}')} UNION ALL ${newestOf('{ended}')}) AS listed
    ORDER BY created_at DESC, public_id DESC LIMIT $5
  ) AS listed ${LISTED_JOBS}
  ORDER BY jobs.created_at DESC, jobs.public_id DESC`;

export const LIST_BY_TAG: string = `SELECT ${COLUMNS} FROM (
    SELECT newest.* FROM unnest($2::int2[]) AS wanted (state) CROSS JOIN LATERAL (
      SELECT job, created_at, public_id FROM {tags}
      WHERE organization = $1 AND tag = $6 AND state = wanted.state
        AND (created_at, public_id) < ($3, $4)
      ORDER BY created_at DESC, public_id DESC LIMIT $5
    ) AS newest ORDER BY created_at DESC, public_id DESC LIMIT $5
  ) AS listed ${LISTED_JOBS}
  ORDER BY jobs.created_at DESC, jobs.public_id DESC`;

// A key has few jobs, since each keeps it taken for a while: they are sorted after they were found.
export const LIST_BY_KEY: string = `SELECT ${COLUMNS}
  FROM {idempotency_keys} AS keys
  CROSS JOIN LATERAL (SELECT * FROM {jobs} WHERE id = keys.job LIMIT 1) AS jobs
  ${STATES}
  WHERE keys.organization = $1 AND keys.key_hash = $6
    AND (jobs.created_at, jobs.public_id) < ($3, $4)
    AND coalesce(runs.state, ended.state) = ANY($2)
    AND ($7::bytea IS NULL OR EXISTS (
      SELECT 1 FROM {tags} WHERE tags.organization = $1 AND tags.tag = $7
        AND tags.state = coalesce(runs.state, ended.state)
        AND tags.created_at = jobs.created_at AND tags.public_id = jobs.public_id))
  ORDER BY jobs.created_at DESC, jobs.public_id DESC LIMIT $5`;

/** Lists of jobs, newest first. Each filter has an index that finds its rows. */
export class JobList {
  readonly #database: Queryable;

  constructor(database: Queryable) {
    this.#database = database;
  }

  async read(organization: number, query: JobListQuery): Promise<readonly JobSummary[]> {
    const states = (query.states ?? JOB_STATES).map((state) => JOB_STATE_CODES.codeOf(state));
    const values = [
      organization,
      listOf('int2', [...new Set(states)]),
      ...cursorOf(query),
      boundedLimit(query.limit),
    ];
    const { idempotentKey, tag } = query;
    const tagBytes = tag === null ? null : bytesOfText(tag);
    if (idempotentKey !== null) {
      const hash = uuidOf(idempotencyKeyHash(idempotentKey));
      return this.#rows(LIST_BY_KEY, [...values, hash, tagBytes]);
    }
    if (tagBytes !== null) return this.#rows(LIST_BY_TAG, [...values, tagBytes]);
    return this.#rows(LIST_BY_STATE, values);
  }

  async #rows(sql: string, values: readonly SqlValue[]): Promise<readonly JobSummary[]> {
    return (await this.#database.query(sql, values)).map(jobSummary);
  }
}

const LAST = 'ffffffff-ffff-ffff-ffff-ffffffffffff';
const FIRST = '00000000-0000-0000-0000-000000000000';

function cursorOf({ before }: JobListQuery): readonly [SqlValue, SqlValue] {
  if (before === null) return [Number.MAX_SAFE_INTEGER, LAST];
  return [before.createdAt, isIdentifier(before.id) ? before.id : FIRST];
}
