import {
  type Id,
  type PutPaceOperation,
  slotOf,
  type WorkLine,
  type WorkReads,
  type WorkRow,
} from '@ezthrottle/engine';
import { restoredArmed } from '../rows/armed-parts.ts';
import { boundedLimit } from '../rows/bounded-limit.ts';
import { identifier, integer, optionalInteger, text } from '../rows/row.ts';
import { lineOf, placeOf } from '../rows/work-rows.ts';
import type { Queryable, SqlValue } from './database.ts';
import { type Interned, isIdentifier } from './interned.ts';
import { slotList } from './slot-list.ts';
import { bytesOfText } from './text-bytes.ts';

// The count of a line is one pass over its slot's part of the index of ready work.
export const LINES = `SELECT organizations.public_id AS organization_id, destinations.origin,
    api_keys.public_id AS api_key_id, accounts.user_id, lines.ready
  FROM (
    SELECT destination, account, count(*) AS ready FROM {work}
    WHERE is_ready AND slot = ANY($1) GROUP BY destination, account
  ) AS lines
  JOIN {destinations} ON destinations.id = lines.destination
  JOIN {organizations} ON organizations.id = destinations.organization
  JOIN {accounts} ON accounts.id = lines.account
  JOIN {api_keys} ON api_keys.id = accounts.api_key`;

// The account by its name: a number that was remembered may be of a name that another node has forgotten.
export const READY = `SELECT jobs.public_id AS job_id, work.leg, work.rank, work.ready_at
  FROM (
    SELECT job, leg, rank, ready_at FROM {work}
    WHERE is_ready AND slot = $1 AND destination = $2
      AND account = (SELECT id FROM {accounts} WHERE api_key = $3 AND user_id = $4)
      AND (rank, job, leg) > ($5, $6, $7)
    ORDER BY rank, job, leg LIMIT $8
  ) AS work
  CROSS JOIN LATERAL (SELECT public_id FROM {jobs} WHERE id = work.job LIMIT 1) AS jobs
  ORDER BY work.rank, work.job, work.leg`;

// Each slot has its own stretch of the index: the first of each are found without a look at the others.
export const DUE = `SELECT jobs.public_id AS job_id, work.leg, work.rank, work.ready_at,
    organizations.public_id AS organization_id, destinations.origin,
    api_keys.public_id AS api_key_id, accounts.user_id
  FROM (
    SELECT due.* FROM unnest($1::int2[]) AS owned (slot) CROSS JOIN LATERAL (
      SELECT job, leg, destination, account, rank, ready_at FROM {work}
      WHERE slot = owned.slot AND NOT is_ready AND ready_at <= $2
      ORDER BY ready_at, job, leg LIMIT $3
    ) AS due
    ORDER BY ready_at, job, leg LIMIT $3
  ) AS work
  CROSS JOIN LATERAL (SELECT public_id FROM {jobs} WHERE id = work.job LIMIT 1) AS jobs
  CROSS JOIN LATERAL (
    SELECT organization, origin FROM {destinations} WHERE id = work.destination LIMIT 1
  ) AS destinations
  CROSS JOIN LATERAL (
    SELECT public_id FROM {organizations} WHERE id = destinations.organization LIMIT 1
  ) AS organizations
  CROSS JOIN LATERAL (
    SELECT api_key, user_id FROM {accounts} WHERE id = work.account LIMIT 1
  ) AS accounts
  CROSS JOIN LATERAL (
    SELECT public_id FROM {api_keys} WHERE id = accounts.api_key LIMIT 1
  ) AS api_keys
  ORDER BY work.ready_at, work.job, work.leg`;

export const NEXT_DUE = `SELECT min(next.ready_at) AS at
  FROM unnest($1::int2[]) AS owned (slot) CROSS JOIN LATERAL (
    SELECT ready_at FROM {work} WHERE slot = owned.slot AND NOT is_ready
    ORDER BY ready_at, job, leg LIMIT 1
  ) AS next`;

// Jobs are numbered as they come. Those whose moment has not come are passed over, but not endlessly.
const OLDEST_READY = `SELECT ready_at AS at FROM (
    SELECT job, leg, slot, is_ready, ready_at FROM {work} ORDER BY job, leg LIMIT 10000
  ) AS first
  WHERE is_ready AND slot = ANY($1) ORDER BY job, leg LIMIT 1`;

// A job's row has the slot of its first path. Where another path is called, its line may be anybody's.
export const ARMED = `SELECT runs.job, runs.public_id AS job_id, runs.armed
  FROM {runs} WHERE armed IS NOT NULL AND job > $1
    AND (slot = ANY($2) OR armed ~ '"path":[1-9]') ORDER BY job LIMIT $3`;

export const WAKEABLE = `SELECT runs.public_id AS job_id
  FROM (
    SELECT due.* FROM unnest($1::int2[]) AS owned (slot) CROSS JOIN LATERAL (
      SELECT job, wake_at FROM {runs} WHERE slot = owned.slot AND wake_at <= $2
      ORDER BY wake_at, job LIMIT $3
    ) AS due
    ORDER BY wake_at, job LIMIT $3
  ) AS due
  CROSS JOIN LATERAL (SELECT public_id FROM {runs} WHERE job = due.job LIMIT 1) AS runs
  ORDER BY due.wake_at, due.job`;

export const NEXT_WAKE = `SELECT min(next.wake_at) AS at
  FROM unnest($1::int2[]) AS owned (slot) CROSS JOIN LATERAL (
    SELECT wake_at FROM {runs} WHERE slot = owned.slot AND wake_at IS NOT NULL
    ORDER BY wake_at, job LIMIT 1
  ) AS next`;

const PACE = `SELECT organizations.public_id AS organization_id, destinations.origin, pace.data
  FROM {pace}
  JOIN {destinations} ON destinations.id = pace.destination
  JOIN {organizations} ON organizations.id = destinations.organization
  WHERE pace.slot = ANY($1) LIMIT $2`;

/** Work found by its state, on the partial index of that state. */
export class PostgresWorkReads implements WorkReads {
  readonly #database: Queryable;
  readonly #interned: Interned;

  constructor(database: Queryable, interned: Interned) {
    this.#database = database;
    this.#interned = interned;
  }

  async lines(slots?: readonly number[]): Promise<readonly WorkLine[]> {
    const rows = await this.#database.query(LINES, [slotList(slots)]);
    return rows.map((row) => ({ ...lineOf(row), ready: integer(row, 'ready') }));
  }

  async ready(
    line: Omit<WorkLine, 'ready'>,
    after: { readonly rank: number; readonly jobId: Id; readonly leg: number } | null,
    limit: number,
  ): Promise<readonly WorkRow[]> {
    const found = await this.#find(line);
    if (found === null) return [];
    const cursor =
      after === null
        ? [Number.MIN_SAFE_INTEGER, 0, 0]
        : [after.rank, await this.#rowOf(after.jobId), after.leg];
    const rows = await this.#database.query(READY, [...found, ...cursor, boundedLimit(limit)]);
    const { organization, apiKey, userId, origin } = line;
    return rows.map((row) => ({ ...placeOf(row), organization, apiKey, userId, origin }));
  }

  async due(now: number, limit: number, slots?: readonly number[]): Promise<readonly WorkRow[]> {
    const values = [slotList(slots), now, boundedLimit(limit)];
    const rows = await this.#database.query(DUE, values);
    return rows.map((row) => ({ ...placeOf(row), ...lineOf(row) }));
  }

  nextDueAt(slots?: readonly number[]): Promise<number | null> {
    return this.#moment(NEXT_DUE, slots);
  }

  oldestReadyAt(slots?: readonly number[]): Promise<number | null> {
    return this.#moment(OLDEST_READY, slots);
  }

  async armed(
    afterJobId: Id | null,
    limit: number,
    slots?: readonly number[],
  ): Promise<readonly { readonly jobId: Id; readonly leg: number }[]> {
    let after = afterJobId === null ? 0 : await this.#rowOf(afterJobId);
    const wanted = boundedLimit(limit);
    const owned = slotList(slots);
    const page: { readonly jobId: Id; readonly leg: number }[] = [];
    while (page.length < wanted) {
      const rows = await this.#database.query(ARMED, [after, owned, wanted]);
      if (rows.length === 0) break;
      // The next page starts after this one's last job, so all of that job's legs belong to this page.
      for (const row of rows) {
        if (page.length >= wanted) break;
        const jobId = identifier(row, 'job_id');
        for (const leg of restoredArmed(text(row, 'armed')).legs) page.push({ jobId, leg });
        after = integer(row, 'job');
      }
    }
    return page;
  }

  async wakeable(now: number, limit: number, slots?: readonly number[]): Promise<readonly Id[]> {
    const values = [slotList(slots), now, boundedLimit(limit)];
    const rows = await this.#database.query(WAKEABLE, values);
    return rows.map((row) => identifier(row, 'job_id'));
  }

  nextWakeAt(slots?: readonly number[]): Promise<number | null> {
    return this.#moment(NEXT_WAKE, slots);
  }

  async pace(limit: number, slots?: readonly number[]): Promise<PutPaceOperation['rows']> {
    const rows = await this.#database.query(PACE, [slotList(slots), limit]);
    return rows.map((row) => ({
      organization: identifier(row, 'organization_id'),
      origin: text(row, 'origin'),
      data: text(row, 'data'),
    }));
  }

  async paceOf(organization: Id, origin: string): Promise<string | null> {
    const owner = await this.#interned.findOrganization(organization);
    if (owner === null) return null;
    const destination = await this.#interned.findDestination(owner, origin);
    if (destination === null) return null;
    const [row] = await this.#database.query('SELECT data FROM {pace} WHERE destination = $1', [
      destination,
    ]);
    return row === undefined ? null : text(row, 'data');
  }

  /** Slot, destination, API key and user of a line; null: nothing ever stood there. */
  async #find(line: Omit<WorkLine, 'ready'>): Promise<readonly SqlValue[] | null> {
    const organization = await this.#interned.findOrganization(line.organization);
    const apiKey = await this.#interned.findApiKey(line.apiKey);
    if (organization === null || apiKey?.organization !== organization) return null;
    const destination = await this.#interned.findDestination(organization, line.origin);
    if (destination === null) return null;
    const slot = slotOf(line.organization, line.origin);
    return [slot, destination, apiKey.row, bytesOfText(line.userId)];
  }

  async #moment(sql: string, slots: readonly number[] | undefined): Promise<number | null> {
    const [row] = await this.#database.query(sql, [slotList(slots)]);
    return row === undefined ? null : optionalInteger(row, 'at');
  }

  /** 0, which is before all, for a job that has been pruned meanwhile: rather twice than never. */
  async #rowOf(jobId: Id): Promise<number> {
    if (!isIdentifier(jobId)) return 0;
    const [row] = await this.#database.query('SELECT id FROM {jobs} WHERE public_id = $1', [jobId]);
    return row === undefined ? 0 : integer(row, 'id');
  }
}
