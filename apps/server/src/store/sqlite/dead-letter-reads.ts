import type { JobState } from '@ezthrottle/core/protocol';
import type {
  DeadDelivery,
  DeadJob,
  DeadLetterQuery,
  DeadLetterReads,
  DeliveryAttemptRecord,
  DeliveryRecord,
  Id,
} from '@ezthrottle/engine';
import { boundedLimit } from '../rows/bounded-limit.ts';
import { JOB_STATE_CODES } from '../rows/codes.ts';
import type { Connection, Row, SqlValue, Statement } from './connection.ts';
import { identifierBytes } from '../rows/identifier.ts';
import type { Interned } from './interned.ts';
import { deliveryRecord } from '../rows/records.ts';
import { coded, integer } from '../rows/row.ts';
import { attemptsOfDelivery, deadDelivery, deadJob } from '../rows/dead-letter-rows.ts';

const JOB_COLUMNS = `jobs.public_id, jobs.state, jobs.tags, jobs.racing, jobs.idempotent_key,
  jobs.fingerprint, jobs.created_at, jobs.ended_at, job_payloads.url, job_payloads.method,
  json_extract(job_payloads.spec, '$.redriveOf') AS redrive_of,
  json_extract(jobs.end_json, '$.error') AS error,
  accounts.user_id, api_keys.public_id AS api_key_id`;

const JOB_JOINS = `CROSS JOIN job_payloads ON job_payloads.job = jobs.id
    CROSS JOIN accounts ON accounts.id = jobs.account
    CROSS JOIN api_keys ON api_keys.id = accounts.api_key`;

function deadJobs(order: 'ASC' | 'DESC'): string {
  const behind = order === 'ASC' ? '>' : '<';
  return `SELECT ${JOB_COLUMNS}
    FROM jobs INDEXED BY jobs_dead
    ${JOB_JOINS}
    WHERE jobs.organization = ? AND jobs.state IN (4, 5)
      AND (jobs.ended_at, jobs.public_id) ${behind} (?, ?) AND jobs.ended_at >= ? AND jobs.ended_at < ?
    ORDER BY jobs.ended_at ${order}, jobs.public_id ${order} LIMIT ?`;
}

const DIED_AT = 'coalesce(deliveries.ended_at, deliveries.created_at)';
const DELIVERY_COLUMNS = `deliveries.*, deliveries.id % 4096 AS webhook, jobs.public_id AS job_id,
  organizations.public_id AS organization_id`;
const DELIVERY_JOINS = `CROSS JOIN jobs ON jobs.id = deliveries.id / 4096
  CROSS JOIN organizations ON organizations.id = jobs.organization`;

function deadDeliveries(order: 'ASC' | 'DESC'): string {
  const behind = order === 'ASC' ? '>' : '<';
  return `SELECT ${DELIVERY_COLUMNS}, ${DIED_AT} AS died_at, jobs.tags, accounts.user_id
    FROM deliveries INDEXED BY deliveries_dead
    ${DELIVERY_JOINS}
    CROSS JOIN accounts ON accounts.id = jobs.account
    WHERE deliveries.dead_organization = ? AND deliveries.state = 2
      AND (${DIED_AT}, deliveries.public_id) ${behind} (?, ?)
      AND ${DIED_AT} >= ? AND ${DIED_AT} < ?
    ORDER BY ${DIED_AT} ${order}, deliveries.public_id ${order} LIMIT ?`;
}

type Orders = Readonly<Record<'newest' | 'oldest', string>>;

export const DEAD_JOBS: Orders = { newest: deadJobs('DESC'), oldest: deadJobs('ASC') };
export const DEAD_DELIVERIES: Orders = {
  newest: deadDeliveries('DESC'),
  oldest: deadDeliveries('ASC'),
};

/** Each of these has an index of few rows that finds it. */
const KNOWN_DELIVERIES = ['state = 2', 'state = 0', 'replayed_at IS NOT NULL'] as const;

export class SqliteDeadLetterReads implements DeadLetterReads {
  readonly #interned: Interned;
  readonly #jobs: Readonly<Record<'newest' | 'oldest', Statement>>;
  readonly #job: Statement;
  readonly #state: Statement;
  readonly #deliveries: Readonly<Record<'newest' | 'oldest', Statement>>;
  readonly #known: readonly Statement[];
  readonly #former: Statement;

  constructor(connection: Connection, interned: Interned) {
    this.#interned = interned;
    this.#jobs = {
      newest: connection.prepare(DEAD_JOBS.newest),
      oldest: connection.prepare(DEAD_JOBS.oldest),
    };
    this.#job = connection.prepare(
      `SELECT ${JOB_COLUMNS} FROM jobs ${JOB_JOINS}
       WHERE jobs.public_id = ? AND jobs.organization = ? AND jobs.state IN (4, 5)`,
    );
    this.#state = connection.prepare(
      'SELECT state FROM jobs WHERE public_id = ? AND organization = ?',
    );
    this.#deliveries = {
      newest: connection.prepare(DEAD_DELIVERIES.newest),
      oldest: connection.prepare(DEAD_DELIVERIES.oldest),
    };
    this.#known = KNOWN_DELIVERIES.map((which) =>
      connection.prepare(
        `SELECT ${DELIVERY_COLUMNS} FROM deliveries ${DELIVERY_JOINS}
         WHERE deliveries.public_id = ? AND deliveries.${which} AND jobs.organization = ?`,
      ),
    );
    this.#former = connection.prepare(
      'SELECT * FROM delivery_attempts WHERE delivery = ? ORDER BY attempt',
    );
  }

  async jobs(query: DeadLetterQuery): Promise<readonly DeadJob[]> {
    const { organization } = query;
    return this.#rows(this.#jobs[query.order], query).map((row) => deadJob(row, organization));
  }

  async job(organization: Id, id: Id): Promise<DeadJob | null> {
    const row = this.#one(this.#job, organization, id);
    return row === null ? null : deadJob(row, organization);
  }

  async jobState(organization: Id, id: Id): Promise<JobState | null> {
    const row = this.#one(this.#state, organization, id);
    return row === null ? null : coded(row, 'state', JOB_STATE_CODES);
  }

  async deliveries(query: DeadLetterQuery): Promise<readonly DeadDelivery[]> {
    return this.#rows(this.#deliveries[query.order], query).map(deadDelivery);
  }

  async delivery(organization: Id, id: Id): Promise<DeliveryRecord | null> {
    const row = this.#find(organization, id);
    return row === null ? null : deliveryRecord(row);
  }

  async deliveryAttempts(organization: Id, id: Id): Promise<readonly DeliveryAttemptRecord[]> {
    const row = this.#find(organization, id);
    if (row === null) return [];
    return attemptsOfDelivery(row, this.#former.all(integer(row, 'id')));
  }

  #find(organization: Id, id: Id): Row | null {
    for (const statement of this.#known) {
      const row = this.#one(statement, organization, id);
      if (row !== null) return row;
    }
    return null;
  }

  #one(statement: Statement, organization: Id, id: Id): Row | null {
    const bytes = identifierBytes(id);
    const owner = this.#interned.findOrganization(organization);
    return bytes === null || owner === null ? null : (statement.get(bytes, owner) ?? null);
  }

  #rows(statement: Statement, query: DeadLetterQuery): readonly Row[] {
    const owner = this.#interned.findOrganization(query.organization);
    if (owner === null) return [];
    const { endedFrom, endedBefore, limit } = query;
    return statement.all(
      owner,
      ...placeOf(query),
      endedFrom ?? Number.MIN_SAFE_INTEGER,
      endedBefore ?? Number.MAX_SAFE_INTEGER,
      boundedLimit(limit),
    );
  }
}

function placeOf({ after, order }: DeadLetterQuery): readonly [SqlValue, SqlValue] {
  if (after !== null) return [after.at, identifierBytes(after.id) ?? Buffer.alloc(16)];
  return order === 'oldest'
    ? [Number.MIN_SAFE_INTEGER, Buffer.alloc(16)]
    : [Number.MAX_SAFE_INTEGER, Buffer.alloc(16, 0xff)];
}
