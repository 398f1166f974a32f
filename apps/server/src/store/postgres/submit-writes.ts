import type { NewJob, Verdict } from '@ezthrottle/engine';
import { flag, integer } from '../rows/row.ts';
import { Columns, listOf, unnested } from './columns.ts';
import { InterferenceError, OrderError } from './interference.ts';
import {
  JOB_SHAPE,
  JobRows,
  KEY_SHAPE,
  namesOf,
  storedKeyOf,
  TAG_SHAPE,
  WORK_SHAPE,
} from './job-rows.ts';
import { type KeyHolder, keyHolders, type KeyRequest } from './key-holders.ts';
import { together } from './together.ts';
import { attempted } from './verdicts.ts';
import type { WriteScope } from './write-scope.ts';

const KEYS_FROM = Object.keys(JOB_SHAPE).length + 1;
const WORK_FROM = KEYS_FROM + Object.keys(KEY_SHAPE).length;
const TAGS_FROM = WORK_FROM + Object.keys(WORK_SHAPE).length;

const IN_JOBS = `id, public_id, organization, account, created_at, racing, quorum_needed, plan_version,
  fingerprint, idempotent_key, scope, parent, edge, tags, method, url, spec, body`;

// A list of numbers that is looked up in memory: "IS TRUE" keeps it from becoming a join.
const ofTaken = (job: string): string => `(${job} IN (SELECT job FROM taken)) IS TRUE`;

const INSERT_RUNS = `INSERT INTO {runs} (job, public_id, organization, account, slot, state, is_tagged,
    created_at, started_at, window_ms, version, wake_at, attempts, armed, data)
  SELECT id, public_id, organization, account, slot, state, tags IS NOT NULL, created_at, started_at,
    window_ms, 1, wake_at, attempts, armed, data FROM fresh`;

const INSERT_WORK = `INSERT INTO {work} (job, leg, slot, destination, account, is_ready, ready_at, rank)
  SELECT * FROM ${unnested('legs', WORK_SHAPE, WORK_FROM)} WHERE ${ofTaken('job')}`;

const INSERT_TAGS = `INSERT INTO {tags} (organization, tag, state, created_at, public_id, job)
  SELECT * FROM ${unnested('tagged', TAG_SHAPE, TAGS_FROM)} WHERE ${ofTaken('job')}`;

// Keys in one order everywhere, so that two nodes with the same ones wait for each other in turn.
const SUBMIT = `WITH wanted AS (
    SELECT * FROM ${unnested('wanted', KEY_SHAPE, KEYS_FROM)}
  ), taken AS (
    INSERT INTO {idempotency_keys} (organization, key_hash, scope, retired, job)
    SELECT organization, key_hash, scope, 0, job FROM wanted
    ORDER BY organization, key_hash, scope, job
    ON CONFLICT DO NOTHING RETURNING job
  ), fresh AS (
    SELECT * FROM ${unnested('fresh', JOB_SHAPE)} WHERE ${ofTaken('id')}
  ), in_jobs AS (
    INSERT INTO {jobs} (${IN_JOBS}) SELECT ${IN_JOBS} FROM fresh
  ), in_runs AS (${INSERT_RUNS}), in_work AS (${INSERT_WORK}), in_tags AS (${INSERT_TAGS})
  SELECT job FROM wanted WHERE (job IN (SELECT job FROM taken)) IS NOT TRUE`;

// A child that exists already is left alone; one whose key is held by another job goes without.
const SPAWN = `WITH children AS (
    SELECT * FROM ${unnested('children', JOB_SHAPE)}
  ), taken AS (
    INSERT INTO {jobs} (${IN_JOBS}) SELECT ${IN_JOBS} FROM children ORDER BY public_id, id
    ON CONFLICT (public_id) DO NOTHING RETURNING id AS job
  ), fresh AS (
    SELECT * FROM children WHERE ${ofTaken('id')}
  ), holders AS (
    INSERT INTO {idempotency_keys} (organization, key_hash, scope, retired, job)
    SELECT organization, key_hash, scope, 0, job FROM ${unnested('wanted', KEY_SHAPE, KEYS_FROM)}
    WHERE ${ofTaken('job')} ORDER BY organization, key_hash, scope, job
    ON CONFLICT DO NOTHING RETURNING job
  ), in_runs AS (${INSERT_RUNS}), in_work AS (${INSERT_WORK}), in_tags AS (${INSERT_TAGS})
  SELECT job, (job IN (SELECT job FROM holders)) IS TRUE AS is_holder FROM taken`;

export const RETIRE_KEYS: string = `UPDATE {idempotency_keys} AS keys SET retired = keys.job
  FROM (
    SELECT found.place FROM ${unnested('wanted', KEY_SHAPE)} CROSS JOIN LATERAL (
      SELECT ctid AS place FROM {idempotency_keys} AS held
      WHERE held.organization = wanted.organization AND held.key_hash = wanted.key_hash
        AND held.scope = wanted.scope AND held.retired = 0 AND held.job = wanted.job LIMIT 1
    ) AS found
  ) AS wanted WHERE keys.ctid = wanted.place`;

const INSERT_KEYS = `INSERT INTO {idempotency_keys} (organization, key_hash, scope, retired, job)
  SELECT organization, key_hash, scope, 0, job FROM ${unnested('wanted', KEY_SHAPE)}
  ORDER BY organization, key_hash, scope, job ON CONFLICT DO NOTHING RETURNING job`;

const RECORD_KEYS = `INSERT INTO {idempotency_keys} (organization, key_hash, scope, retired, job)
  SELECT organization, key_hash, scope, job, job FROM ${unnested('wanted', KEY_SHAPE)}`;

const END_WINDOWS = 'UPDATE {runs} SET window_ms = 0 WHERE job = ANY($1)';

/** How often a key is tried for: more times than this, others take it and let it go again and again. */
const MOST_ROUNDS = 20;

/** Of the rows that one statement carries, about: large bodies are written in several steps. */
export const MOST_BYTES: number = 8 * 1024 * 1024;

interface Candidate {
  readonly index: number;
  readonly job: NewJob;
  readonly row: number;
}

/**
 * Takes jobs in, each unless its key is taken.
 *
 * @param advanced Public ids of jobs that are moved on in the same wave.
 * @throws OrderError when one of these holds a key that is asked for: what it is told depends on the order.
 */
export async function submitJobs(
  scope: WriteScope,
  jobs: readonly NewJob[],
  advanced: ReadonlySet<string>,
): Promise<readonly Verdict[]> {
  await scope.interned.prepare(jobs.map(namesOf));
  const verdicts: Verdict[] = [];
  let waiting = jobs.map((job, index): Candidate => ({ index, job, row: scope.nextJobRow() }));
  for (let round = 0; waiting.length > 0; round += 1) {
    if (round === MOST_ROUNDS) throw new InterferenceError('a key was taken and let go too often');
    const refused = await offer(scope, waiting, verdicts);
    waiting = await answer(scope, refused, advanced, verdicts);
  }
  return verdicts;
}

/** Takes in those whose keys are free, and gives the others. */
async function offer(
  scope: WriteScope,
  waiting: readonly Candidate[],
  verdicts: Verdict[],
): Promise<readonly Candidate[]> {
  const refused: Candidate[] = [];
  let rows = new JobRows();
  let candidates = new Map<number, Candidate>();
  for (const candidate of waiting) {
    const { index, job, row } = candidate;
    verdicts[index] = attempted(() => {
      rows.add(row, job, scope.interned);
      candidates.set(row, candidate);
      return { verdict: 'ok' };
    });
    if (rows.weight < MOST_BYTES) continue;
    refused.push(...(await takeIn(scope, rows, candidates)));
    rows = new JobRows();
    candidates = new Map();
  }
  refused.push(...(await takeIn(scope, rows, candidates)));
  return refused;
}

/** Writes the jobs whose keys are free, and gives the others. */
async function takeIn(
  { transaction, counts }: WriteScope,
  rows: JobRows,
  candidates: ReadonlyMap<number, Candidate>,
): Promise<readonly Candidate[]> {
  if (candidates.size === 0) return [];
  const refused = new Set<number>();
  for (const row of await transaction.query(SUBMIT, rows.values()))
    refused.add(integer(row, 'job'));
  const left: Candidate[] = [];
  for (const [row, candidate] of candidates) {
    if (refused.has(row)) left.push(candidate);
    else counts.add(candidate.job.run.state, 1);
  }
  return left;
}

/** Names the holders of the keys; gives the candidates whose key is free by now. */
async function answer(
  scope: WriteScope,
  refused: readonly Candidate[],
  advanced: ReadonlySet<string>,
  verdicts: Verdict[],
): Promise<Candidate[]> {
  if (refused.length === 0) return [];
  const requests = refused.map(({ job }) => requestOf(scope, job));
  const holders = await keyHolders(scope.transaction, requests);
  const waiting: Candidate[] = [];
  /** Whoever comes first and finds the window over has the key, also before one who names an earlier moment. */
  const passing = new Set<string>();
  for (const [number, candidate] of refused.entries()) {
    const holder = holders[number] ?? null;
    // Also when its window is over: it may have ended a moment ago, by an operation behind this one.
    if (holder !== null && advanced.has(holder.jobId)) {
      throw new OrderError('a key of a job that moves on');
    }
    const held = holder?.held ?? null;
    const { organization, idempotency } = candidate.job;
    const key = `${organization} ${idempotency.scope} ${idempotency.key}`;
    if (held === null || passing.has(key)) {
      passing.add(key);
      waiting.push(candidate);
    } else verdicts[candidate.index] = held;
  }
  await retire(scope, requests, holders);
  return waiting;
}

export function requestOf({ interned }: WriteScope, job: NewJob): KeyRequest {
  const organization = interned.knownOrganization(job.organization);
  return {
    key: storedKeyOf(organization, job.idempotency),
    claim: job.idempotency,
    at: job.createdAt,
  };
}

/** Keys whose window is over have no holder any more. */
async function retire(
  { transaction }: WriteScope,
  requests: readonly KeyRequest[],
  holders: readonly (KeyHolder | null)[],
): Promise<void> {
  const columns = new Columns(KEY_SHAPE);
  for (const [number, { key }] of requests.entries()) {
    const holder = holders[number] ?? null;
    if (holder?.held === null) columns.add({ ...key, job: holder.job });
  }
  if (columns.length > 0) await transaction.run(RETIRE_KEYS, columns.values());
}

/** Takes children in whose rows stand here. */
export async function spawnJobs(
  scope: WriteScope,
  rows: JobRows,
  children: ReadonlyMap<number, NewJob>,
): Promise<void> {
  if (children.size === 0) return;
  const { transaction, counts } = scope;
  const keyless: { readonly row: number; readonly job: NewJob }[] = [];
  for (const written of await transaction.query(SPAWN, rows.values())) {
    const row = integer(written, 'job');
    const job = children.get(row);
    if (job === undefined) continue;
    counts.add(job.run.state, 1);
    if (!flag(written, 'is_holder')) keyless.push({ row, job });
  }
  if (keyless.length > 0) await goWithoutKeys(scope, keyless);
}

/** Without the key there is nothing to keep for a window. */
async function goWithoutKeys(
  scope: WriteScope,
  children: readonly { readonly row: number; readonly job: NewJob }[],
): Promise<void> {
  const { transaction } = scope;
  const requests = children.map(({ job }) => requestOf(scope, job));
  await retire(scope, requests, await keyHolders(transaction, requests));
  const columns = new Columns(KEY_SHAPE);
  for (const [number, { row }] of children.entries()) {
    const request = requests[number];
    if (request !== undefined) columns.add({ ...request.key, job: row });
  }
  const taken = new Set<number>();
  for (const row of await transaction.query(INSERT_KEYS, columns.values())) {
    taken.add(integer(row, 'job'));
  }
  const left = new Columns(KEY_SHAPE);
  for (const [number, { row }] of children.entries()) {
    const request = requests[number];
    if (request !== undefined && !taken.has(row)) left.add({ ...request.key, job: row });
  }
  if (left.length === 0) return;
  await together([
    transaction.run(RECORD_KEYS, left.values()),
    transaction.run(END_WINDOWS, [
      listOf(
        'int8',
        children.flatMap(({ row }) => (taken.has(row) ? [] : [row])),
      ),
    ]),
  ]);
}
