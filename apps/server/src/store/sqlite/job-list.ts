import { JOB_STATES } from '@ezthrottle/core/protocol';
import type { JobListQuery, JobSummary } from '@ezthrottle/engine';
import { boundedLimit } from '../rows/bounded-limit.ts';
import { JOB_STATE_CODES } from '../rows/codes.ts';
import type { Connection, Row, SqlValue, Statement } from './connection.ts';
import { identifierBytes } from '../rows/identifier.ts';
import { idempotencyKeyHash } from '../rows/stored-claim.ts';
import { jobSummary } from '../rows/records.ts';

const COLUMNS = `jobs.public_id, jobs.idempotent_key, jobs.fingerprint, job_payloads.url,
  job_payloads.method, jobs.tags, jobs.state, jobs.racing, jobs.created_at, jobs.ended_at`;

export const LIST_BY_STATE: string = `SELECT ${COLUMNS}
  FROM jobs CROSS JOIN job_payloads ON job_payloads.job = jobs.id
  WHERE organization = ? AND state = ? AND (created_at, public_id) < (?, ?)
  ORDER BY created_at DESC, public_id DESC LIMIT ?`;

// A key has few jobs, since each keeps it taken for a while: they are sorted after they were found.
export const LIST_BY_KEY: string = `SELECT ${COLUMNS}
  FROM idempotency_keys CROSS JOIN jobs ON jobs.id = idempotency_keys.job
  CROSS JOIN job_payloads ON job_payloads.job = jobs.id
  WHERE idempotency_keys.organization = ? AND idempotency_keys.key_hash = ?
    AND (jobs.created_at, jobs.public_id) < (?, ?)
    AND jobs.state IN (SELECT value FROM json_each(?))
    AND (? IS NULL OR EXISTS (SELECT 1 FROM json_each(jobs.tags) WHERE json_each.value = ?))
  ORDER BY jobs.created_at DESC, jobs.public_id DESC LIMIT ?`;

export const LIST_BY_TAG: string = `SELECT ${COLUMNS} 
  FROM tags CROSS JOIN jobs ON jobs.id = tags.job
  CROSS JOIN job_payloads ON job_payloads.job = jobs.id
  WHERE tags.organization = ? AND tags.state = ? AND tags.tag = ?
    AND (tags.created_at, tags.public_id) < (?, ?)
  ORDER BY tags.created_at DESC, tags.public_id DESC LIMIT ?`;

/** Lists of jobs, newest first. Each filter has an index that finds its rows. */
export class JobList {
  readonly #byState: Statement;
  readonly #byKey: Statement;
  readonly #byTag: Statement;

  constructor(connection: Connection) {
    this.#byState = connection.prepare(LIST_BY_STATE);
    this.#byKey = connection.prepare(LIST_BY_KEY);
    this.#byTag = connection.prepare(LIST_BY_TAG);
  }

  read(organization: number, query: JobListQuery): readonly JobSummary[] {
    return this.#rows(organization, query).map(jobSummary);
  }

  #rows(organization: number, query: JobListQuery): readonly Row[] {
    const limit = boundedLimit(query.limit);
    const states = query.states ?? JOB_STATES;
    const before = cursorOf(query);
    const { idempotentKey, tag } = query;
    if (idempotentKey !== null) {
      const filters = [
        JSON.stringify(states.map((state) => JOB_STATE_CODES.codeOf(state))),
        tag,
        tag,
      ];
      return this.#byKey.all(
        organization,
        idempotencyKeyHash(idempotentKey),
        ...before,
        ...filters,
        limit,
      );
    }
    // One index serves every choice of states: the newest of each, merged.
    const codes = new Set(states.map((state) => JOB_STATE_CODES.codeOf(state)));
    const rows = [...codes].flatMap((state) => [
      ...(tag === null
        ? this.#byState.all(organization, state, ...before, limit)
        : this.#byTag.all(organization, state, tag, ...before, limit)),
    ]);
    return rows.sort(newestFirst).slice(0, limit);
  }
}

function cursorOf({ before }: JobListQuery): readonly [SqlValue, SqlValue] {
  if (before === null) return [Number.MAX_SAFE_INTEGER, Buffer.alloc(16, 0xff)];
  return [before.createdAt, identifierBytes(before.id) ?? Buffer.alloc(16)];
}

function newestFirst(one: Row, other: Row): number {
  const byTime = Number(other['created_at']) - Number(one['created_at']);
  return byTime === 0 ? Buffer.compare(bytesOf(other), bytesOf(one)) : byTime;
}

function bytesOf(row: Row): Uint8Array {
  const value = row['public_id'];
  return value instanceof Uint8Array ? value : new Uint8Array();
}
