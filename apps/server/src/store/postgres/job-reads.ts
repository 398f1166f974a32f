import { JOB_STATES, type JobState, LIMITS } from '@ezthrottle/core/protocol';
import {
  type AccountJobs,
  type AttemptRecord,
  type DeliveryRecord,
  type HeldKey,
  type Id,
  type IdempotencyClaim,
  type JobListQuery,
  type JobReads,
  type JobRecord,
  type JobSummary,
  type LiveJob,
  noJobs,
  type ResultResponse,
} from '@ezthrottle/engine';
import { restoredArmed } from '../rows/armed-parts.ts';
import {
  armedRecord,
  attemptRecord,
  deliveryRecord,
  jobRecord,
  liveJob,
  resultResponse,
} from '../rows/records.ts';
import { identifier, integer, optionalText, type Row, text } from '../rows/row.ts';
import { listOf } from './columns.ts';
import type { Queryable } from './database.ts';
import { type Interned, isIdentifier } from './interned.ts';
import { JobList } from './job-list.ts';
import { storedKeyOf } from './job-rows.ts';
import { keyHolders } from './key-holders.ts';

const GET = `SELECT jobs.*, coalesce(runs.state, ended.state) AS state,
    coalesce(runs.started_at, ended.started_at) AS started_at, ended.ended_at, ended.end_json,
    coalesce(runs.window_ms, ended.expires_at - ended.ended_at) AS window_ms
  FROM {jobs}
  LEFT JOIN {runs} ON runs.job = jobs.id
  LEFT JOIN {ended} ON ended.job = jobs.id
  WHERE jobs.public_id = $1 AND jobs.organization = $2`;

// A vote is the first row of a webhook that was delivered: sent as new, it has others beside it.
const VOTE = `SELECT min(ended_at) AS ended_at FROM {deliveries}
  WHERE job = $1 AND state = 1 AND has_quorum_vote
  GROUP BY webhook % ${LIMITS.webhooks} ORDER BY 1 LIMIT 1 OFFSET $2`;

export const LIVE: string = `SELECT jobs.public_id, organizations.public_id AS organization_id,
    api_keys.public_id AS api_key_id, jobs.method, jobs.url, jobs.spec, jobs.body, runs.data,
    runs.version, runs.wake_at, jobs.idempotent_key, jobs.fingerprint, jobs.parent, jobs.edge,
    jobs.created_at
  FROM unnest($1::uuid[]) AS wanted (id)
  CROSS JOIN LATERAL (SELECT * FROM {jobs} WHERE public_id = wanted.id LIMIT 1) AS jobs
  CROSS JOIN LATERAL (SELECT * FROM {runs} WHERE job = jobs.id LIMIT 1) AS runs
  CROSS JOIN LATERAL (
    SELECT public_id FROM {organizations} WHERE id = jobs.organization LIMIT 1
  ) AS organizations
  CROSS JOIN LATERAL (SELECT api_key FROM {accounts} WHERE id = jobs.account LIMIT 1) AS accounts
  CROSS JOIN LATERAL (
    SELECT public_id FROM {api_keys} WHERE id = accounts.api_key LIMIT 1
  ) AS api_keys`;

const ATTEMPTS = `SELECT attempts.attempt, leg, path, region, attempts.url, armed_at, outcome,
    status_code, error, started_at, ended_at, retry_at
  FROM {jobs} JOIN {attempts} ON attempts.job = jobs.id
  WHERE jobs.public_id = $1 ORDER BY attempts.attempt`;

const ARMED_ATTEMPTS = `SELECT runs.armed FROM {jobs} JOIN {runs} ON runs.job = jobs.id
  WHERE jobs.public_id = $1 AND runs.armed IS NOT NULL`;

const RESPONSES = `SELECT attempts.* FROM {jobs} JOIN {attempts} ON attempts.job = jobs.id
  WHERE jobs.public_id = $1 AND attempts.attempt = ANY($2) AND attempts.response_status IS NOT NULL`;

const DELIVERIES = `SELECT deliveries.*, jobs.public_id AS job_id,
    organizations.public_id AS organization_id
  FROM {jobs}
  JOIN {deliveries} ON deliveries.job = jobs.id
  JOIN {organizations} ON organizations.id = jobs.organization
  WHERE jobs.public_id = $1 ORDER BY deliveries.webhook`;

const LIVE_BY_ACCOUNT = `SELECT organizations.public_id AS organization_id,
    api_keys.public_id AS api_key_id, accounts.user_id, live.jobs
  FROM (SELECT account, count(*) AS jobs FROM {runs} GROUP BY account) AS live
  JOIN {accounts} ON accounts.id = live.account
  JOIN {api_keys} ON api_keys.id = accounts.api_key
  JOIN {organizations} ON organizations.id = api_keys.organization`;

const COUNTS = `SELECT ${JOB_STATES.map((state) => `coalesce(sum(${state}), 0)::bigint AS ${state}`).join(', ')}
  FROM {commit_marks}`;

/** Rows that hang on one job: its attempts, deliveries, children. All of them are bounded elsewhere. */
export class PostgresJobReads implements JobReads {
  readonly #database: Queryable;
  readonly #interned: Interned;
  readonly #list: JobList;

  constructor(database: Queryable, interned: Interned) {
    this.#database = database;
    this.#interned = interned;
    this.#list = new JobList(database);
  }

  async get(organization: Id, id: Id): Promise<JobRecord | null> {
    if (!isIdentifier(id)) return null;
    const owner = await this.#interned.findOrganization(organization);
    if (owner === null) return null;
    const [row] = await this.#database.query(GET, [id, owner]);
    if (row === undefined) return null;
    return jobRecord(row, organization, await this.#quorumReachedAt(row));
  }

  async live(ids: readonly Id[]): Promise<readonly LiveJob[]> {
    const wanted = ids.filter(isIdentifier);
    if (wanted.length === 0) return [];
    const found = new Map<Id, LiveJob>();
    for (const row of await this.#database.query(LIVE, [listOf('uuid', wanted)])) {
      const job = liveJob(row);
      found.set(job.id, job);
    }
    return wanted.flatMap((id) => found.get(id) ?? []);
  }

  async holder(organization: Id, claim: IdempotencyClaim, now: number): Promise<HeldKey | null> {
    const owner = await this.#interned.findOrganization(organization);
    if (owner === null) return null;
    const request = { key: storedKeyOf(owner, claim), claim, at: now };
    const [holder] = await keyHolders(this.#database, [request]);
    return holder?.held ?? null;
  }

  async list(query: JobListQuery): Promise<readonly JobSummary[]> {
    const organization = await this.#interned.findOrganization(query.organization);
    return organization === null ? [] : this.#list.read(organization, query);
  }

  async attempts(id: Id): Promise<readonly AttemptRecord[]> {
    if (!isIdentifier(id)) return [];
    const [ended, [live = { armed: null }]] = await Promise.all([
      this.#database.query(ATTEMPTS, [id]),
      this.#database.query(ARMED_ATTEMPTS, [id]),
    ]);
    const records = ended.map(attemptRecord);
    const known = new Set(records.map(({ attempt }) => attempt));
    // Two reads: an attempt that ended in between stands in both.
    const armed = restoredArmed(optionalText(live, 'armed')).attempts.filter(
      ({ attempt }) => !known.has(attempt),
    );
    return [...records, ...armed.map(armedRecord)].sort(
      (one, other) => one.attempt - other.attempt,
    );
  }

  async responses(id: Id, attempts: readonly number[]): Promise<readonly ResultResponse[]> {
    if (!isIdentifier(id) || attempts.length === 0) return [];
    const rows = await this.#database.query(RESPONSES, [id, listOf('int4', attempts)]);
    const found = new Map(rows.map((row) => [integer(row, 'attempt'), resultResponse(row)]));
    return attempts.flatMap((attempt) => found.get(attempt) ?? []);
  }

  async deliveries(id: Id): Promise<readonly DeliveryRecord[]> {
    if (!isIdentifier(id)) return [];
    return (await this.#database.query(DELIVERIES, [id])).map(deliveryRecord);
  }

  async children(id: Id): Promise<readonly { readonly id: Id; readonly edge: string }[]> {
    if (!isIdentifier(id)) return [];
    const rows = await this.#database.query(
      'SELECT public_id, edge FROM {jobs} WHERE parent = $1 ORDER BY id',
      [id],
    );
    return rows.map((row) => ({ id: identifier(row, 'public_id'), edge: text(row, 'edge') }));
  }

  async liveByAccount(): Promise<readonly AccountJobs[]> {
    const rows = await this.#database.query(LIVE_BY_ACCOUNT);
    return rows.map((row) => ({
      organization: identifier(row, 'organization_id'),
      apiKey: identifier(row, 'api_key_id'),
      userId: text(row, 'user_id'),
      jobs: integer(row, 'jobs'),
    }));
  }

  async counts(): Promise<Readonly<Record<JobState, number>>> {
    const counts = noJobs();
    const [row] = await this.#database.query(COUNTS);
    if (row !== undefined) for (const state of JOB_STATES) counts[state] = integer(row, state);
    return counts;
  }

  /** When the vote came that made up the quorum; null before. */
  async #quorumReachedAt(row: Row): Promise<number | null> {
    if (row['ended_at'] === null) return null;
    const before = Math.max(0, integer(row, 'quorum_needed') - 1);
    const [vote] = await this.#database.query(VOTE, [integer(row, 'id'), before]);
    return vote === undefined ? null : integer(vote, 'ended_at');
  }
}
