import { lineOf, type NewJob, type NewWork, slotOf } from '@ezthrottle/engine';
import { changedArmed, storedArmed } from '../rows/armed-parts.ts';
import { JOB_STATE_CODES } from '../rows/codes.ts';
import { isRacing, startOf } from '../rows/job-facts.ts';
import {
  fingerprintBytes,
  idempotencyKeyHash,
  scopeColumn,
  storedKey,
} from '../rows/stored-claim.ts';
import { storedRun } from '../rows/stored-run.ts';
import { storedSpec } from '../rows/stored-spec.ts';
import { Columns } from './columns.ts';
import type { SqlValue } from './database.ts';
import type { Interned, JobNames } from './interned.ts';

// What the statements below write, in the order of the tables' columns as far as they go.

export const JOB_SHAPE = {
  id: 'int8',
  public_id: 'uuid',
  organization: 'int4',
  account: 'int8',
  created_at: 'int8',
  racing: 'bool',
  quorum_needed: 'int4',
  plan_version: 'int4',
  fingerprint: 'bytea',
  idempotent_key: 'bytea',
  scope: 'bytea',
  parent: 'uuid',
  edge: 'text',
  tags: 'text',
  method: 'text',
  url: 'text',
  spec: 'text',
  body: 'bytea',
  slot: 'int2',
  state: 'int2',
  started_at: 'int8',
  window_ms: 'int8',
  wake_at: 'int8',
  attempts: 'int4',
  armed: 'text',
  data: 'text',
} as const;

export const KEY_SHAPE = {
  organization: 'int4',
  key_hash: 'uuid',
  scope: 'bytea',
  job: 'int8',
} as const;

export const WORK_SHAPE = {
  job: 'int8',
  leg: 'int4',
  slot: 'int2',
  destination: 'int4',
  account: 'int8',
  is_ready: 'bool',
  ready_at: 'int8',
  rank: 'int8',
} as const;

export const TAG_SHAPE = {
  organization: 'int4',
  tag: 'bytea',
  state: 'int2',
  created_at: 'int8',
  public_id: 'uuid',
  job: 'int8',
} as const;

/** A key as it is stored: scope and hash. */
export interface StoredKey {
  readonly organization: number;
  readonly key_hash: Uint8Array;
  readonly scope: string;
}

/** The rows of new jobs, before they are written. */
export class JobRows {
  readonly jobs: Columns<typeof JOB_SHAPE> = new Columns(JOB_SHAPE);
  readonly keys: Columns<typeof KEY_SHAPE> = new Columns(KEY_SHAPE);
  readonly work: Columns<typeof WORK_SHAPE> = new Columns(WORK_SHAPE);
  readonly tags: Columns<typeof TAG_SHAPE> = new Columns(TAG_SHAPE);

  /**
   * Adds a job with all that hangs on it, or nothing.
   *
   * @throws Rejection when it cannot be written.
   */
  add(row: number, job: NewJob, interned: Interned): void {
    const { jobs, keys, work, tags } = this;
    const lengths = { jobs: jobs.length, keys: keys.length, work: work.length, tags: tags.length };
    try {
      this.#add(row, job, interned);
    } catch (error) {
      jobs.cut(lengths.jobs);
      keys.cut(lengths.keys);
      work.cut(lengths.work);
      tags.cut(lengths.tags);
      throw error;
    }
  }

  /** About in bytes. */
  get weight(): number {
    return this.jobs.weight + this.keys.weight + this.work.weight + this.tags.weight;
  }

  /** Values of all shapes, one after the other. */
  values(): readonly SqlValue[] {
    return [this.jobs, this.keys, this.work, this.tags].flatMap((columns) => columns.values());
  }

  #add(row: number, job: NewJob, interned: Interned): void {
    const { spec, run, idempotency, parent, createdAt } = job;
    const organization = interned.knownOrganization(job.organization);
    const account = interned.knownAccount(organization, job.apiKey, spec.userId);
    const state = JOB_STATE_CODES.codeOf(run.state);
    const { method, url, spec: stored, body } = storedSpec(spec);
    const { given, armed } = armedOf(job);
    this.keys.add({ ...storedKeyOf(organization, idempotency), job: row });
    this.jobs.add({
      id: row,
      public_id: job.id,
      organization,
      account,
      created_at: createdAt,
      racing: isRacing(spec),
      quorum_needed: spec.webhookQuorum,
      plan_version: spec.planVersion,
      fingerprint: fingerprintBytes(idempotency.fingerprint),
      idempotent_key: storedKey(idempotency),
      scope: scopeColumn(idempotency.scope),
      parent: parent === null ? null : parent.id,
      edge: parent === null ? null : parent.edge,
      tags: spec.tags.length === 0 ? null : JSON.stringify(spec.tags),
      method,
      url,
      spec: stored,
      body,
      slot: homeOf(job),
      state,
      started_at: startOf(run),
      window_ms: idempotency.windowMs,
      wake_at: job.wakeAt,
      attempts: given,
      armed,
      data: storedRun(run, createdAt),
    });
    // Of a leg that is named twice, the last counts.
    for (const leg of new Map(job.work.map((leg) => [leg.leg, leg])).values()) {
      if (leg.state !== 'armed') {
        addWork(this.work, { row, organization, account, owner: job.organization }, leg, interned);
      }
    }
    for (const tag of new Set(spec.tags)) {
      this.tags.add({
        organization,
        tag,
        state,
        created_at: createdAt,
        public_id: job.id,
        job: row,
      });
    }
  }
}

/** Whose work a leg is. */
export interface WorkOwner {
  readonly row: number;
  readonly organization: number;
  readonly account: number;
  /** The organization's public id. */
  readonly owner: string;
}

/** @throws Rejection when it cannot be written. */
export function addWork(
  columns: Columns<typeof WORK_SHAPE>,
  { row, organization, account, owner }: WorkOwner,
  { leg, origin, state, readyAt, rank }: NewWork,
  interned: Interned,
): void {
  columns.add({
    job: row,
    leg,
    slot: slotOf(owner, origin),
    destination: interned.knownDestination(organization, origin),
    account,
    is_ready: state === 'ready',
    ready_at: readyAt,
    rank,
  });
}

/** What has to be interned before the job's rows are made. */
export function namesOf({ organization, apiKey, spec, work }: NewJob): JobNames {
  return { organization, apiKey, userId: spec.userId, origins: work.map(({ origin }) => origin) };
}

export function storedKeyOf(
  organization: number,
  { key, scope }: NewJob['idempotency'],
): StoredKey {
  return {
    organization,
    key_hash: idempotencyKeyHash(key),
    scope: scopeColumn(scope) ?? '',
  };
}

/** 16 bytes as PostgreSQL writes them. */
export function uuidOf(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** A job is at home where its own call goes. */
function homeOf({ organization, spec: { paths } }: NewJob): number {
  return slotOf(organization, lineOf(paths[0]));
}

function armedOf({ work, armed }: NewJob): {
  readonly given: number;
  readonly armed: string | null;
} {
  const isArmed = armed.length > 0 || work.some(({ state }) => state === 'armed');
  if (!isArmed) return { given: 0, armed: null };
  const change = { putWork: work, removeWork: [], armed, ended: [] };
  const parts = changedArmed({ legs: [], attempts: [] }, 0, change);
  return { given: parts.given, armed: storedArmed(parts) };
}
