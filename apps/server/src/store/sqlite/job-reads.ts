import { noJobs } from '@ezthrottle/engine';
import { JOB_STATES, type JobState, LIMITS } from '@ezthrottle/core/protocol';
import type {
  AccountJobs,
  AttemptRecord,
  DeliveryRecord,
  HeldKey,
  Id,
  IdempotencyClaim,
  JobReads,
  JobRecord,
  JobSummary,
  LiveJob,
  ResultResponse,
} from '@ezthrottle/engine';
import type { JobListQuery } from '@ezthrottle/engine';
import { restoredArmed } from '../rows/armed-parts.ts';
import type { Connection, Row, Statement } from './connection.ts';
import { identifierBytes } from '../rows/identifier.ts';
import type { Interned } from './interned.ts';
import { JobList } from './job-list.ts';
import { KeyHolders } from './key-holders.ts';
import { idempotencyKeyHash } from '../rows/stored-claim.ts';
import {
  armedRecord,
  attemptRecord,
  deliveryRecord,
  jobRecord,
  liveJob,
  resultResponse,
} from '../rows/records.ts';
import { identifier, integer, optionalText, text, word } from '../rows/row.ts';

const LIVE_BY_ACCOUNT = `WITH live AS MATERIALIZED (
    SELECT jobs.account, count(*) AS jobs FROM runs CROSS JOIN jobs ON jobs.id = runs.job
    GROUP BY jobs.account)
  SELECT organizations.public_id AS organization_id, api_keys.public_id AS api_key_id,
    accounts.user_id, live.jobs
  FROM live
  JOIN accounts ON accounts.id = live.account
  JOIN api_keys ON api_keys.id = accounts.api_key
  JOIN organizations ON organizations.id = api_keys.organization`;

/** Rows that hang on one job: its attempts, deliveries, children. All of them are bounded elsewhere. */
export class SqliteJobReads implements JobReads {
  readonly #interned: Interned;
  readonly #list: JobList;
  readonly #holders: KeyHolders;
  readonly #get: Statement;
  readonly #vote: Statement;
  readonly #live: Statement;
  readonly #attempts: Statement;
  readonly #armed: Statement;
  readonly #response: Statement;
  readonly #deliveries: Statement;
  readonly #children: Statement;
  readonly #liveByAccount: Statement;
  readonly #counts: Statement;

  constructor(connection: Connection, interned: Interned) {
    this.#interned = interned;
    this.#list = new JobList(connection);
    this.#holders = new KeyHolders(connection);
    this.#get = connection.prepare(
      `SELECT jobs.*, method, url, spec, body FROM jobs JOIN job_payloads ON job_payloads.job = jobs.id
       WHERE jobs.public_id = ? AND jobs.organization = ?`,
    );
    // A vote is the first row of a webhook that was delivered: sent as new, it has others beside it.
    this.#vote = connection.prepare(
      `SELECT min(ended_at) AS ended_at FROM deliveries
       WHERE id BETWEEN ?1 * 4096 AND ?1 * 4096 + 4095 AND state = 1 AND has_quorum_vote = 1
       GROUP BY id % ${LIMITS.webhooks} ORDER BY 1 LIMIT 1 OFFSET ?2`,
    );
    this.#live = connection.prepare(
      `SELECT jobs.public_id, organizations.public_id AS organization_id,
              api_keys.public_id AS api_key_id, method, url, spec, body, runs.data, runs.version,
              runs.wake_at, jobs.idempotent_key, jobs.fingerprint, jobs.parent, jobs.edge,
              jobs.created_at
       FROM jobs
       JOIN runs ON runs.job = jobs.id
       JOIN job_payloads ON job_payloads.job = jobs.id
       JOIN organizations ON organizations.id = jobs.organization
       JOIN accounts ON accounts.id = jobs.account
       JOIN api_keys ON api_keys.id = accounts.api_key
       WHERE jobs.public_id = ?`,
    );
    this.#attempts = connection.prepare(
      `SELECT attempts.id % 1048576 AS attempt, leg, path, region, url, armed_at, outcome, status_code, error,
              attempts.started_at, attempts.ended_at, retry_at
       FROM jobs
       JOIN attempts ON attempts.id BETWEEN jobs.id * 1048576 AND jobs.id * 1048576 + 1048575
       WHERE jobs.public_id = ? ORDER BY attempts.id`,
    );
    this.#armed = connection.prepare(
      `SELECT runs.armed FROM jobs JOIN runs ON runs.job = jobs.id
       WHERE jobs.public_id = ? AND runs.armed IS NOT NULL`,
    );
    this.#response = connection.prepare(
      `SELECT attempts.*, attempts.id % 1048576 AS attempt
       FROM jobs JOIN attempts ON attempts.id = jobs.id * 1048576 + ?
       WHERE jobs.public_id = ? AND attempts.response_status IS NOT NULL`,
    );
    this.#deliveries = connection.prepare(
      `SELECT deliveries.*, deliveries.id % 4096 AS webhook, jobs.public_id AS job_id, organizations.public_id AS organization_id
       FROM jobs
       JOIN organizations ON organizations.id = jobs.organization
       JOIN deliveries ON deliveries.id BETWEEN jobs.id * 4096 AND jobs.id * 4096 + 4095
       WHERE jobs.public_id = ? ORDER BY deliveries.id`,
    );
    this.#children = connection.prepare(
      'SELECT public_id, edge FROM jobs WHERE parent = ? ORDER BY id',
    );
    this.#liveByAccount = connection.prepare(LIVE_BY_ACCOUNT);
    this.#counts = connection.prepare('SELECT state, jobs FROM job_counts');
  }

  async get(organization: Id, id: Id): Promise<JobRecord | null> {
    const bytes = identifierBytes(id);
    const owner = this.#interned.findOrganization(organization);
    if (bytes === null || owner === null) return null;
    const row = this.#get.get(bytes, owner);
    return row === undefined ? null : jobRecord(row, organization, this.#quorumReachedAt(row));
  }

  async live(ids: readonly Id[]): Promise<readonly LiveJob[]> {
    const found: LiveJob[] = [];
    for (const id of ids) {
      const bytes = identifierBytes(id);
      const row = bytes === null ? undefined : this.#live.get(bytes);
      if (row !== undefined) found.push(liveJob(row));
    }
    return found;
  }

  async holder(organization: Id, claim: IdempotencyClaim, now: number): Promise<HeldKey | null> {
    const owner = this.#interned.findOrganization(organization);
    if (owner === null) return null;
    return this.#holders.find(owner, idempotencyKeyHash(claim.key), claim, now);
  }

  async list(query: JobListQuery): Promise<readonly JobSummary[]> {
    const organization = this.#interned.findOrganization(query.organization);
    return organization === null ? [] : this.#list.read(organization, query);
  }

  async attempts(id: Id): Promise<readonly AttemptRecord[]> {
    const bytes = identifierBytes(id);
    if (bytes === null) return [];
    const armed = restoredArmed(optionalText(this.#armed.get(bytes) ?? { armed: null }, 'armed'));
    return [
      ...this.#attempts.all(bytes).map(attemptRecord),
      ...armed.attempts.map(armedRecord),
    ].sort((one, other) => one.attempt - other.attempt);
  }

  async responses(id: Id, attempts: readonly number[]): Promise<readonly ResultResponse[]> {
    const bytes = identifierBytes(id);
    if (bytes === null) return [];
    const found: ResultResponse[] = [];
    for (const attempt of attempts) {
      const row = this.#response.get(attempt, bytes);
      if (row !== undefined) found.push(resultResponse(row));
    }
    return found;
  }

  async deliveries(id: Id): Promise<readonly DeliveryRecord[]> {
    const bytes = identifierBytes(id);
    return bytes === null ? [] : this.#deliveries.all(bytes).map(deliveryRecord);
  }

  async children(id: Id): Promise<readonly { readonly id: Id; readonly edge: string }[]> {
    const bytes = identifierBytes(id);
    if (bytes === null) return [];
    return this.#children
      .all(bytes)
      .map((row) => ({ id: identifier(row, 'public_id'), edge: text(row, 'edge') }));
  }

  async liveByAccount(): Promise<readonly AccountJobs[]> {
    return this.#liveByAccount.all().map((row) => ({
      organization: identifier(row, 'organization_id'),
      apiKey: identifier(row, 'api_key_id'),
      userId: text(row, 'user_id'),
      jobs: integer(row, 'jobs'),
    }));
  }

  async counts(): Promise<Readonly<Record<JobState, number>>> {
    const counts = noJobs();
    for (const row of this.#counts.all()) {
      counts[word(row, 'state', JOB_STATES)] = integer(row, 'jobs');
    }
    return counts;
  }

  /** When the vote came that made up the quorum; null before. */
  #quorumReachedAt(row: Row): number | null {
    if (row['ended_at'] === null) return null;
    const before = Math.max(0, integer(row, 'quorum_needed') - 1);
    const vote = this.#vote.get(integer(row, 'id'), before);
    return vote === undefined ? null : integer(vote, 'ended_at');
  }
}
