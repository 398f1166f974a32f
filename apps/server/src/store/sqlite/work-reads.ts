import type { Id, PutPaceOperation, WorkLine, WorkReads, WorkRow } from '@ezthrottle/engine';
import { boundedLimit } from '../rows/bounded-limit.ts';
import { restoredArmed } from '../rows/armed-parts.ts';
import type { Connection, Statement } from './connection.ts';
import { identifierBytes } from '../rows/identifier.ts';
import type { Interned } from './interned.ts';
import { identifier, integer, optionalInteger, text } from '../rows/row.ts';
import { lineOf, placeOf } from '../rows/work-rows.ts';

// The count of a line is one pass over the index of ready work, without touching a table.
export const LINES = `SELECT organizations.public_id AS organization_id, destinations.origin,
    api_keys.public_id AS api_key_id, accounts.user_id, lines.ready
  FROM (
    SELECT destination, account, count(*) AS ready FROM work INDEXED BY work_ready
    WHERE is_ready = 1 GROUP BY destination, account
  ) AS lines
  CROSS JOIN destinations ON destinations.id = lines.destination
  CROSS JOIN organizations ON organizations.id = destinations.organization
  CROSS JOIN accounts ON accounts.id = lines.account
  CROSS JOIN api_keys ON api_keys.id = accounts.api_key`;

export const READY = `SELECT jobs.public_id AS job_id, work.leg, work.rank, work.ready_at
  FROM work INDEXED BY work_ready CROSS JOIN jobs ON jobs.id = work.job
  WHERE work.is_ready = 1 AND work.destination = ? AND work.account = ?
    AND (work.rank, work.job, work.leg) > (?, ?, ?)
  ORDER BY work.rank, work.job, work.leg LIMIT ?`;

export const DUE = `SELECT jobs.public_id AS job_id, work.leg, work.rank, work.ready_at,
    organizations.public_id AS organization_id, destinations.origin,
    api_keys.public_id AS api_key_id, accounts.user_id
  FROM work INDEXED BY work_delayed
  CROSS JOIN jobs ON jobs.id = work.job
  CROSS JOIN destinations ON destinations.id = work.destination
  CROSS JOIN organizations ON organizations.id = destinations.organization
  CROSS JOIN accounts ON accounts.id = work.account
  CROSS JOIN api_keys ON api_keys.id = accounts.api_key
  WHERE work.is_ready = 0 AND work.ready_at <= ?
  ORDER BY work.ready_at, work.job, work.leg LIMIT ?`;

export const NEXT_DUE = `SELECT min(ready_at) AS at FROM work INDEXED BY work_delayed
  WHERE is_ready = 0`;

// Jobs are numbered as they come. Those whose moment has not come are passed over, but not endlessly.
const OLDEST_READY = `SELECT ready_at AS at FROM (
    SELECT is_ready, ready_at FROM work ORDER BY job, leg LIMIT 10000
  ) WHERE is_ready = 1 LIMIT 1`;

export const ARMED = `SELECT runs.job, jobs.public_id AS job_id, runs.armed
  FROM runs INDEXED BY runs_armed CROSS JOIN jobs ON jobs.id = runs.job
  WHERE runs.armed IS NOT NULL AND runs.job > ? ORDER BY runs.job LIMIT ?`;

export const WAKEABLE = `SELECT jobs.public_id AS job_id
  FROM runs INDEXED BY runs_wakeable CROSS JOIN jobs ON jobs.id = runs.job
  WHERE runs.wake_at <= ? ORDER BY runs.wake_at LIMIT ?`;

export const NEXT_WAKE = `SELECT min(wake_at) AS at FROM runs INDEXED BY runs_wakeable
  WHERE wake_at IS NOT NULL`;

const PACE = `SELECT organizations.public_id AS organization_id, destinations.origin, pace.data
  FROM pace
  JOIN destinations ON destinations.id = pace.destination
  JOIN organizations ON organizations.id = destinations.organization
  LIMIT ?`;

/** Work found by its state, on the partial index of that state. */
export class SqliteWorkReads implements WorkReads {
  readonly #interned: Interned;
  readonly #jobRow: Statement;
  readonly #lines: Statement;
  readonly #ready: Statement;
  readonly #due: Statement;
  readonly #nextDue: Statement;
  readonly #oldestReady: Statement;
  readonly #armed: Statement;
  readonly #wakeable: Statement;
  readonly #nextWake: Statement;
  readonly #pace: Statement;
  readonly #paceOf: Statement;

  constructor(connection: Connection, interned: Interned) {
    this.#interned = interned;
    this.#jobRow = connection.prepare('SELECT id FROM jobs WHERE public_id = ?');
    this.#lines = connection.prepare(LINES);
    this.#ready = connection.prepare(READY);
    this.#due = connection.prepare(DUE);
    this.#nextDue = connection.prepare(NEXT_DUE);
    this.#oldestReady = connection.prepare(OLDEST_READY);
    this.#armed = connection.prepare(ARMED);
    this.#wakeable = connection.prepare(WAKEABLE);
    this.#nextWake = connection.prepare(NEXT_WAKE);
    this.#pace = connection.prepare(PACE);
    this.#paceOf = connection.prepare('SELECT data FROM pace WHERE destination = ?');
  }

  async lines(): Promise<readonly WorkLine[]> {
    return this.#lines.all().map((row) => ({ ...lineOf(row), ready: integer(row, 'ready') }));
  }

  async ready(
    line: Omit<WorkLine, 'ready'>,
    after: { readonly rank: number; readonly jobId: Id; readonly leg: number } | null,
    limit: number,
  ): Promise<readonly WorkRow[]> {
    const organization = this.#interned.findOrganization(line.organization);
    const apiKey = this.#interned.findApiKey(line.apiKey);
    if (organization === null || apiKey === null || apiKey.organization !== organization) return [];
    const destination = this.#interned.findDestination(organization, line.origin);
    const account = this.#interned.findAccount(apiKey.row, line.userId);
    if (destination === null || account === null) return [];
    const cursor =
      after === null
        ? [Number.MIN_SAFE_INTEGER, 0, 0]
        : [after.rank, this.#rowOf(after.jobId), after.leg];
    const { origin, userId } = line;
    return this.#ready.all(destination, account, ...cursor, boundedLimit(limit)).map((row) => ({
      ...placeOf(row),
      organization: line.organization,
      apiKey: line.apiKey,
      userId,
      origin,
    }));
  }

  async due(now: number, limit: number): Promise<readonly WorkRow[]> {
    return this.#due
      .all(now, boundedLimit(limit))
      .map((row) => ({ ...placeOf(row), ...lineOf(row) }));
  }

  async nextDueAt(): Promise<number | null> {
    return momentOf(this.#nextDue);
  }

  async oldestReadyAt(): Promise<number | null> {
    return momentOf(this.#oldestReady);
  }

  async armed(
    afterJobId: Id | null,
    limit: number,
  ): Promise<readonly { readonly jobId: Id; readonly leg: number }[]> {
    let after = afterJobId === null ? 0 : this.#rowOf(afterJobId);
    const wanted = boundedLimit(limit);
    const page: { readonly jobId: Id; readonly leg: number }[] = [];
    let rows = this.#armed.all(after, wanted);
    for (; rows.length > 0 && page.length < wanted; rows = this.#armed.all(after, wanted)) {
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

  async wakeable(now: number, limit: number): Promise<readonly Id[]> {
    return this.#wakeable.all(now, boundedLimit(limit)).map((row) => identifier(row, 'job_id'));
  }

  async nextWakeAt(): Promise<number | null> {
    return momentOf(this.#nextWake);
  }

  async pace(limit: number): Promise<PutPaceOperation['rows']> {
    return this.#pace.all(limit).map((row) => ({
      organization: identifier(row, 'organization_id'),
      origin: text(row, 'origin'),
      data: text(row, 'data'),
    }));
  }

  async paceOf(organization: Id, origin: string): Promise<string | null> {
    const owner = this.#interned.findOrganization(organization);
    const destination = owner === null ? null : this.#interned.findDestination(owner, origin);
    const row = destination === null ? undefined : this.#paceOf.get(destination);
    return row === undefined ? null : text(row, 'data');
  }

  /** 0, which is before all, for a job that has been pruned meanwhile: rather twice than never. */
  #rowOf(jobId: Id): number {
    const bytes = identifierBytes(jobId);
    const row = bytes === null ? undefined : this.#jobRow.get(bytes);
    return row === undefined ? 0 : integer(row, 'id');
  }
}

function momentOf(statement: Statement): number | null {
  const row = statement.get();
  return row === undefined ? null : optionalInteger(row, 'at');
}
