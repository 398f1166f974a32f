import type { NewJob } from '@ezthrottle/engine';
import { Columns, listOf, unnested } from './columns.ts';
import type { Queryable, SqlValue } from './database.ts';
import { InterferenceError } from './interference.ts';
import { JobRows, WORK_SHAPE } from './job-rows.ts';
import { together } from './together.ts';

const UPDATE_SHAPE = {
  job: 'int8',
  version: 'int4',
  state: 'int2',
  started_at: 'int8',
  wake_at: 'int8',
  attempts: 'int4',
  armed: 'text',
  data: 'text',
} as const;

const END_SHAPE = {
  job: 'int8',
  version: 'int4',
  public_id: 'uuid',
  organization: 'int4',
  state: 'int2',
  created_at: 'int8',
  started_at: 'int8',
  ended_at: 'int8',
  expires_at: 'int8',
  end_json: 'text',
} as const;

const LEG_SHAPE = { job: 'int8', leg: 'int4' } as const;

const ATTEMPT_SHAPE = {
  job: 'int8',
  attempt: 'int4',
  leg: 'int4',
  path: 'int4',
  region: 'text',
  url: 'text',
  armed_at: 'int8',
  outcome: 'int2',
  status_code: 'int4',
  error: 'bytea',
  started_at: 'int8',
  ended_at: 'int8',
  retry_at: 'int8',
  response_status: 'int4',
  truncated: 'bool',
  is_base64: 'bool',
  headers: 'text',
  body: 'bytea',
} as const;

const DELIVERY_SHAPE = {
  job: 'int8',
  webhook: 'int4',
  public_id: 'uuid',
  organization: 'int4',
  slot: 'int2',
  endpoint_id: 'text',
  url: 'text',
  has_quorum_vote: 'bool',
  receives_continuation: 'bool',
  next_attempt_at: 'int8',
  created_at: 'int8',
} as const;

const TAG_MOVE_SHAPE = {
  organization: 'int4',
  tag: 'bytea',
  before: 'int2',
  created_at: 'int8',
  public_id: 'uuid',
  after: 'int2',
} as const;

// Each row is looked up by itself (LATERAL, LIMIT) and then taken by its place (ctid): no statistics can
// make that a scan of the table. A table that was empty when it was vacuumed last is believed to be so
// for a minute, however many rows it has.

// The version is compared again where it is written: another node may have moved the job on meanwhile. It is
// compared at the place itself as well, since PostgreSQL before 14.20, 15.15, 16.11, 17.7 and 18.1 takes the row
// that has come in this place's stead (EvalPlanQual did not look at `ctid` again).
const UPDATE_RUNS = `UPDATE {runs} SET version = runs.version + 1, state = moved.state,
    started_at = moved.started_at, wake_at = moved.wake_at, attempts = moved.attempts,
    armed = moved.armed, data = moved.data
  FROM (
    SELECT moved.*, found.place FROM ${unnested('moved', UPDATE_SHAPE)} CROSS JOIN LATERAL (
      SELECT ctid AS place FROM {runs} WHERE job = moved.job AND version = moved.version LIMIT 1
    ) AS found
  ) AS moved WHERE runs.ctid = moved.place AND runs.version = moved.version`;

// The row in runs is the arbiter: only who deletes it writes that the job has ended.
const END_RUNS = `WITH gone AS (
    SELECT * FROM ${unnested('gone', END_SHAPE)}
  ), deleted AS (
    DELETE FROM {runs} USING (
      SELECT gone.version, found.place FROM gone CROSS JOIN LATERAL (
        SELECT ctid AS place FROM {runs} WHERE job = gone.job AND version = gone.version LIMIT 1
      ) AS found
    ) AS gone WHERE runs.ctid = gone.place AND runs.version = gone.version
    RETURNING runs.job
  )
  INSERT INTO {ended} (job, public_id, organization, state, created_at, started_at, ended_at,
    expires_at, end_json)
  SELECT job, public_id, organization, state, created_at, started_at, ended_at, expires_at, end_json
  FROM gone WHERE (job IN (SELECT job FROM deleted)) IS TRUE`;

const REMOVE_LEGS = `DELETE FROM {work} USING (
    SELECT found.place FROM ${unnested('removed', LEG_SHAPE)} CROSS JOIN LATERAL (
      SELECT ctid AS place FROM {work} WHERE job = removed.job AND leg = removed.leg LIMIT 1
    ) AS found
  ) AS removed WHERE work.ctid = removed.place`;

const REMOVE_WORK = 'DELETE FROM {work} WHERE job = ANY($1)';

const PUT_WORK = `INSERT INTO {work} (job, leg, slot, destination, account, is_ready, ready_at, rank)
  SELECT * FROM ${unnested('legs', WORK_SHAPE)}
  ON CONFLICT (job, leg) DO UPDATE SET slot = excluded.slot, destination = excluded.destination,
    is_ready = excluded.is_ready, ready_at = excluded.ready_at, rank = excluded.rank`;

const INSERT_ATTEMPTS = `INSERT INTO {attempts} (${Object.keys(ATTEMPT_SHAPE).join(', ')})
  SELECT * FROM ${unnested('tried', ATTEMPT_SHAPE)}`;

const INSERT_DELIVERIES = `INSERT INTO {deliveries}
    (${Object.keys(DELIVERY_SHAPE).join(', ')}, state)
  SELECT announced.*, 0 FROM ${unnested('announced', DELIVERY_SHAPE)}
  ON CONFLICT (job, webhook) DO NOTHING`;

const MOVE_TAGS = `UPDATE {tags} SET state = moved.after FROM (
    SELECT moved.after, found.place FROM ${unnested('moved', TAG_MOVE_SHAPE)} CROSS JOIN LATERAL (
      SELECT ctid AS place FROM {tags}
      WHERE organization = moved.organization AND tag = moved.tag AND state = moved.before
        AND created_at = moved.created_at AND public_id = moved.public_id LIMIT 1
    ) AS found
  ) AS moved WHERE tags.ctid = moved.place`;

/** The rows of jobs that move on, before they are written. */
export class AdvanceRows {
  readonly moved: Columns<typeof UPDATE_SHAPE> = new Columns(UPDATE_SHAPE);
  readonly ended: Columns<typeof END_SHAPE> = new Columns(END_SHAPE);
  readonly removed: Columns<typeof LEG_SHAPE> = new Columns(LEG_SHAPE);
  readonly work: Columns<typeof WORK_SHAPE> = new Columns(WORK_SHAPE);
  readonly attempts: Columns<typeof ATTEMPT_SHAPE> = new Columns(ATTEMPT_SHAPE);
  readonly deliveries: Columns<typeof DELIVERY_SHAPE> = new Columns(DELIVERY_SHAPE);
  readonly tags: Columns<typeof TAG_MOVE_SHAPE> = new Columns(TAG_MOVE_SHAPE);
  readonly children: JobRows = new JobRows();
  /** By the numbers of their rows. */
  readonly spawned: Map<number, NewJob> = new Map();
  readonly #endedJobs: number[] = [];

  /** About in bytes. */
  get weight(): number {
    const { moved, ended, attempts, deliveries, children } = this;
    return moved.weight + ended.weight + attempts.weight + deliveries.weight + children.weight;
  }

  /** Of a job that has ended, no leg stays. */
  endWork(job: number): void {
    this.#endedJobs.push(job);
  }

  /** Runs `add`; when it throws, nothing that it has added stays. */
  whole(add: () => void): void {
    const columns = [
      this.moved,
      this.ended,
      this.removed,
      this.work,
      this.attempts,
      this.deliveries,
      this.tags,
      this.children.jobs,
      this.children.keys,
      this.children.work,
      this.children.tags,
    ];
    const lengths = columns.map(({ length }) => length);
    const endedJobs = this.#endedJobs.length;
    const spawned = [...this.spawned.keys()];
    try {
      add();
    } catch (error) {
      for (const [index, each] of columns.entries()) each.cut(lengths[index] ?? 0);
      this.#endedJobs.length = endedJobs;
      for (const row of this.spawned.keys()) if (!spawned.includes(row)) this.spawned.delete(row);
      throw error;
    }
  }

  /**
   * Writes all but the children, in one round trip.
   *
   * @throws InterferenceError when a job has moved since it was read.
   */
  async write(transaction: Queryable): Promise<void> {
    const run = (sql: string, columns: { length: number; values(): readonly SqlValue[] }) =>
      columns.length === 0 ? 0 : transaction.run(sql, columns.values());
    const hasEnded = this.#endedJobs.length > 0;
    const [moved, ended] = await together([
      run(UPDATE_RUNS, this.moved),
      run(END_RUNS, this.ended),
      run(REMOVE_LEGS, this.removed),
      hasEnded ? transaction.run(REMOVE_WORK, [listOf('int8', this.#endedJobs)]) : 0,
      run(PUT_WORK, this.work),
      run(INSERT_ATTEMPTS, this.attempts),
      run(INSERT_DELIVERIES, this.deliveries),
      run(MOVE_TAGS, this.tags),
    ]);
    if (moved !== this.moved.length || ended !== this.ended.length) {
      throw new InterferenceError('a job was moved on by another node');
    }
  }
}
