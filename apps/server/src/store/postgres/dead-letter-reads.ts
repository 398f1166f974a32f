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
import { attemptsOfDelivery, deadDelivery, deadJob } from '../rows/dead-letter-rows.ts';
import { deliveryRecord } from '../rows/records.ts';
import { coded, integer, optionalText, type Row, text } from '../rows/row.ts';
import type { Queryable, SqlValue } from './database.ts';
import { isIdentifier, type Interned } from './interned.ts';
import { FIRST_ID, LAST_ID } from './list-ends.ts';

// JSON with escapes is read here: PostgreSQL refuses some that it cannot turn into text.
const JOB_COLUMNS = `jobs.public_id, ended.state, jobs.tags, jobs.racing, jobs.idempotent_key,
  jobs.fingerprint, jobs.created_at, ended.ended_at, jobs.url, jobs.method, ended.end_json,
  CASE WHEN strpos(jobs.spec, '\\u') = 0 THEN jobs.spec::json ->> 'redriveOf' END AS redrive_of,
  CASE WHEN strpos(jobs.spec, '\\u') > 0 THEN jobs.spec END AS spec,
  accounts.user_id, api_keys.public_id AS api_key_id`;

const JOB_JOINS = `JOIN {jobs} AS jobs ON jobs.id = ended.job
  JOIN {accounts} AS accounts ON accounts.id = jobs.account
  JOIN {api_keys} AS api_keys ON api_keys.id = accounts.api_key`;

function deadJobs(order: 'ASC' | 'DESC'): string {
  const behind = order === 'ASC' ? '>' : '<';
  return `SELECT ${JOB_COLUMNS} FROM {ended} AS ended ${JOB_JOINS}
    WHERE ended.organization = $1 AND ended.state IN (4, 5)
      AND (ended.ended_at, ended.public_id) ${behind} ($2, $3::uuid)
      AND ended.ended_at >= $4 AND ended.ended_at < $5
    ORDER BY ended.ended_at ${order}, ended.public_id ${order} LIMIT $6`;
}

const DEAD_JOB = `SELECT ${JOB_COLUMNS} FROM {ended} AS ended ${JOB_JOINS}
  WHERE jobs.public_id = $1 AND jobs.organization = $2 AND ended.state IN (4, 5)`;

const JOB_STATE = `SELECT coalesce(runs.state, ended.state) AS state FROM {jobs} AS jobs
  LEFT JOIN {runs} AS runs ON runs.job = jobs.id LEFT JOIN {ended} AS ended ON ended.job = jobs.id
  WHERE jobs.public_id = $1 AND jobs.organization = $2`;

const DIED_AT = 'coalesce(deliveries.ended_at, deliveries.created_at)';
const DELIVERY_COLUMNS = `deliveries.*, jobs.public_id AS job_id,
  organizations.public_id AS organization_id`;
const DELIVERY_JOINS = `JOIN {jobs} AS jobs ON jobs.id = deliveries.job
  JOIN {organizations} AS organizations ON organizations.id = jobs.organization`;

function deadDeliveries(order: 'ASC' | 'DESC'): string {
  const behind = order === 'ASC' ? '>' : '<';
  return `SELECT ${DELIVERY_COLUMNS}, ${DIED_AT} AS died_at, jobs.tags, accounts.user_id
    FROM {deliveries} AS deliveries ${DELIVERY_JOINS}
    JOIN {accounts} AS accounts ON accounts.id = jobs.account
    WHERE deliveries.organization = $1 AND deliveries.state = 2
      AND (${DIED_AT}, deliveries.public_id) ${behind} ($2, $3::uuid)
      AND ${DIED_AT} >= $4 AND ${DIED_AT} < $5
    ORDER BY ${DIED_AT} ${order}, deliveries.public_id ${order} LIMIT $6`;
}

type Orders = Readonly<Record<DeadLetterQuery['order'], string>>;

export const DEAD_JOBS: Orders = { newest: deadJobs('DESC'), oldest: deadJobs('ASC') };
export const DEAD_DELIVERIES: Orders = {
  newest: deadDeliveries('DESC'),
  oldest: deadDeliveries('ASC'),
};

/** Each of these has an index of few rows that finds it. */
const KNOWN_DELIVERIES = ['state = 2', 'state = 0', 'replayed_at IS NOT NULL'] as const;

export const KNOWN_DELIVERY: string = KNOWN_DELIVERIES.map(
  (which) => `(SELECT ${DELIVERY_COLUMNS} FROM {deliveries} AS deliveries ${DELIVERY_JOINS}
    WHERE deliveries.public_id = $1 AND deliveries.${which} AND deliveries.organization = $2)`,
).join(' UNION ALL ');

const FORMER_ATTEMPTS =
  'SELECT * FROM {delivery_attempts} WHERE job = $1 AND webhook = $2 ORDER BY attempt';

export class PostgresDeadLetterReads implements DeadLetterReads {
  readonly #database: Queryable;
  readonly #interned: Interned;

  constructor(database: Queryable, interned: Interned) {
    this.#database = database;
    this.#interned = interned;
  }

  async jobs(query: DeadLetterQuery): Promise<readonly DeadJob[]> {
    const rows = await this.#rows(DEAD_JOBS[query.order], query);
    return rows.map((row) => deadJob(withFacts(row), query.organization));
  }

  async job(organization: Id, id: Id): Promise<DeadJob | null> {
    const row = await this.#one(DEAD_JOB, organization, id);
    return row === null ? null : deadJob(withFacts(row), organization);
  }

  async jobState(organization: Id, id: Id): Promise<JobState | null> {
    const row = await this.#one(JOB_STATE, organization, id);
    return row === null ? null : coded(row, 'state', JOB_STATE_CODES);
  }

  async deliveries(query: DeadLetterQuery): Promise<readonly DeadDelivery[]> {
    return (await this.#rows(DEAD_DELIVERIES[query.order], query)).map(deadDelivery);
  }

  async delivery(organization: Id, id: Id): Promise<DeliveryRecord | null> {
    const row = await this.#one(KNOWN_DELIVERY, organization, id);
    return row === null ? null : deliveryRecord(row);
  }

  async deliveryAttempts(organization: Id, id: Id): Promise<readonly DeliveryAttemptRecord[]> {
    const row = await this.#one(KNOWN_DELIVERY, organization, id);
    if (row === null) return [];
    const place = [integer(row, 'job'), integer(row, 'webhook')];
    return attemptsOfDelivery(row, await this.#database.query(FORMER_ATTEMPTS, place));
  }

  async #one(sql: string, organization: Id, id: Id): Promise<Row | null> {
    const owner = await this.#interned.findOrganization(organization);
    if (owner === null || !isIdentifier(id)) return null;
    const [row] = await this.#database.query(sql, [id, owner]);
    return row ?? null;
  }

  async #rows(sql: string, query: DeadLetterQuery): Promise<readonly Row[]> {
    const owner = await this.#interned.findOrganization(query.organization);
    if (owner === null) return [];
    const { endedFrom, endedBefore, limit } = query;
    return this.#database.query(sql, [
      owner,
      ...placeOf(query),
      endedFrom ?? Number.MIN_SAFE_INTEGER,
      endedBefore ?? Number.MAX_SAFE_INTEGER,
      boundedLimit(limit),
    ]);
  }
}

/** With what stands within JSON. */
function withFacts(row: Row): Row {
  const end: { readonly error: string | null } = JSON.parse(text(row, 'end_json'));
  const spec: { readonly redriveOf?: Id } = JSON.parse(optionalText(row, 'spec') ?? '{}');
  return {
    ...row,
    error: end.error,
    redrive_of: spec.redriveOf ?? optionalText(row, 'redrive_of'),
  };
}

function placeOf({ after, order }: DeadLetterQuery): readonly [SqlValue, SqlValue] {
  const [firstAt, firstId] =
    order === 'oldest'
      ? ([Number.MIN_SAFE_INTEGER, FIRST_ID] as const)
      : ([Number.MAX_SAFE_INTEGER, LAST_ID] as const);
  if (after === null) return [firstAt, firstId];
  return [after.at, isIdentifier(after.id) ? after.id : FIRST_ID];
}
