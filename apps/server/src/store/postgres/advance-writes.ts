import type { JobState } from '@ezthrottle/core/protocol';
import {
  type AdvanceOperation,
  attemptStart,
  type EndedAttempt,
  type Id,
  type JobEnd,
  type NewDelivery,
  slotOfEndpoint,
  type Verdict,
} from '@ezthrottle/engine';
import { type ArmedParts, changedArmed, restoredArmed, storedArmed } from '../rows/armed-parts.ts';
import { JOB_STATE_CODES, OUTCOME_CODES } from '../rows/codes.ts';
import { startOf } from '../rows/job-facts.ts';
import {
  coded,
  identifier,
  integer,
  optionalInteger,
  optionalText,
  type Row,
} from '../rows/row.ts';
import { storedRun } from '../rows/stored-run.ts';
import { AdvanceRows } from './advance-rows.ts';
import { listOf } from './columns.ts';
import { isIdentifier } from './interned.ts';
import { addWork, namesOf } from './job-rows.ts';
import { MOST_BYTES, spawnJobs } from './submit-writes.ts';
import { together } from './together.ts';
import { attempted } from './verdicts.ts';
import type { WriteScope } from './write-scope.ts';

export const ADVANCED: string = `SELECT jobs.public_id, organizations.public_id AS organization_id,
    runs.job, runs.organization, runs.account, runs.state, runs.created_at, runs.started_at,
    runs.version, runs.attempts, runs.armed, runs.window_ms,
    CASE WHEN runs.is_tagged THEN jobs.tags END AS tags
  FROM unnest($1::uuid[]) AS wanted (id)
  CROSS JOIN LATERAL (
    SELECT id, public_id, tags FROM {jobs} WHERE public_id = wanted.id LIMIT 1
  ) AS jobs
  CROSS JOIN LATERAL (SELECT * FROM {runs} WHERE job = jobs.id LIMIT 1) AS runs
  CROSS JOIN LATERAL (
    SELECT public_id FROM {organizations} WHERE id = runs.organization LIMIT 1
  ) AS organizations`;

/** A live job as it was read. */
interface StoredRun {
  readonly row: number;
  readonly id: Id;
  readonly owner: Id;
  readonly organization: number;
  readonly account: number;
  readonly state: JobState;
  readonly createdAt: number;
  readonly startedAt: number | null;
  readonly version: number;
  readonly attempts: number;
  readonly armed: ArmedParts;
  readonly windowMs: number;
  readonly tags: readonly string[];
}

/** Moves jobs on, each once, and ends them. */
export async function advanceJobs(
  scope: WriteScope,
  operations: readonly AdvanceOperation[],
): Promise<readonly Verdict[]> {
  const stored = await readRuns(scope, operations);
  const current = operations.filter(({ jobId, version }) => stored.get(jobId)?.version === version);
  await prepare(scope, current, stored);
  let rows = new AdvanceRows();
  const verdicts: Verdict[] = [];
  // In one order everywhere: two nodes that move the same jobs on wait for each other in turn.
  const rowOf = ({ jobId }: AdvanceOperation): number => stored.get(jobId)?.row ?? 0;
  const inOrder = [...operations.entries()].toSorted(
    ([, one], [, other]) => rowOf(one) - rowOf(other),
  );
  for (const [index, operation] of inOrder) {
    verdicts[index] = verdictOf(scope, rows, stored.get(operation.jobId), operation);
    if (rows.weight < MOST_BYTES) continue;
    await write(scope, rows);
    rows = new AdvanceRows();
  }
  await write(scope, rows);
  return verdicts;
}

function verdictOf(
  scope: WriteScope,
  rows: AdvanceRows,
  stored: StoredRun | undefined,
  operation: AdvanceOperation,
): Verdict {
  if (stored === undefined) return { verdict: 'gone' };
  if (stored.version !== operation.version) return { verdict: 'stale' };
  return attempted(() => {
    rows.whole(() => add(scope, rows, stored, operation));
    count(scope, stored, operation);
    return { verdict: 'ok' };
  });
}

async function write(scope: WriteScope, rows: AdvanceRows): Promise<void> {
  // Together: the children's statement follows on the same connection.
  await together([rows.write(scope.transaction), spawnJobs(scope, rows.children, rows.spawned)]);
}

async function readRuns(
  { transaction }: WriteScope,
  operations: readonly AdvanceOperation[],
): Promise<ReadonlyMap<Id, StoredRun>> {
  const ids = operations.map(({ jobId }) => jobId).filter(isIdentifier);
  const found = new Map<Id, StoredRun>();
  if (ids.length === 0) return found;
  for (const row of await transaction.query(ADVANCED, [listOf('uuid', ids)])) {
    const run = storedRunOf(row);
    found.set(run.id, run);
  }
  return found;
}

function storedRunOf(row: Row): StoredRun {
  return {
    row: integer(row, 'job'),
    id: identifier(row, 'public_id'),
    owner: identifier(row, 'organization_id'),
    organization: integer(row, 'organization'),
    account: integer(row, 'account'),
    state: coded(row, 'state', JOB_STATE_CODES),
    createdAt: integer(row, 'created_at'),
    startedAt: optionalInteger(row, 'started_at'),
    version: integer(row, 'version'),
    attempts: integer(row, 'attempts'),
    armed: restoredArmed(optionalText(row, 'armed')),
    windowMs: integer(row, 'window_ms'),
    tags: JSON.parse(optionalText(row, 'tags') ?? '[]'),
  };
}

/** Whatever the rows will name gets its number. */
async function prepare(
  { interned }: WriteScope,
  operations: readonly AdvanceOperation[],
  stored: ReadonlyMap<Id, StoredRun>,
): Promise<void> {
  const children = operations.flatMap((operation) => operation.children);
  if (children.length > 0) await interned.prepare(children.map(namesOf));
  const lines = operations.flatMap(({ jobId, end, putWork }) => {
    const organization = stored.get(jobId)?.owner;
    if (end !== null || organization === undefined) return [];
    return putWork.flatMap(({ origin, state }) =>
      state === 'armed' ? [] : [{ organization, origin }],
    );
  });
  if (lines.length > 0) await interned.prepareLines(lines);
}

function add(
  scope: WriteScope,
  rows: AdvanceRows,
  stored: StoredRun,
  operation: AdvanceOperation,
): void {
  const after = changedArmed(stored.armed, stored.attempts, operation);
  const begun = [...stored.armed.attempts, ...operation.armed];
  for (const ended of operation.ended) {
    const armed = begun.find(({ attempt }) => attempt === ended.attempt);
    if (armed !== undefined) addAttempt(rows, stored.row, armed, ended);
  }
  if (operation.end === null) moveOn(scope, rows, stored, operation, after);
  else end(rows, stored, operation, operation.end);
  for (const child of operation.children) {
    const row = scope.nextJobRow();
    rows.children.add(row, child, scope.interned);
    rows.spawned.set(row, child);
  }
  for (const delivery of operation.deliveries) {
    addDelivery(rows, stored, delivery, operation.end?.at ?? delivery.nextAttemptAt);
  }
}

function moveOn(
  { interned }: WriteScope,
  rows: AdvanceRows,
  stored: StoredRun,
  { run, wakeAt, removeWork, putWork }: AdvanceOperation,
  armed: ArmedParts & { readonly given: number },
): void {
  const { row: job } = stored;
  rows.moved.add({
    job,
    version: stored.version,
    state: JOB_STATE_CODES.codeOf(run.state),
    started_at: stored.startedAt ?? startOf(run),
    wake_at: wakeAt,
    attempts: armed.given,
    armed: storedArmed(armed),
    data: storedRun(run, stored.createdAt),
  });
  moveTags(rows, stored, run.state);
  for (const leg of removeWork) rows.removed.add({ job, leg });
  // One statement may change a row once: of a leg that is named twice, the last counts.
  const legs = new Map(putWork.map((leg) => [leg.leg, leg]));
  for (const leg of legs.values()) {
    if (leg.state === 'armed') rows.removed.add({ job, leg: leg.leg });
    else addWork(rows.work, stored, leg, interned);
  }
}

function end(
  rows: AdvanceRows,
  stored: StoredRun,
  { run }: AdvanceOperation,
  jobEnd: JobEnd,
): void {
  rows.ended.add({
    job: stored.row,
    version: stored.version,
    public_id: stored.id,
    organization: stored.organization,
    state: JOB_STATE_CODES.codeOf(jobEnd.state),
    created_at: stored.createdAt,
    started_at: stored.startedAt ?? startOf(run),
    ended_at: jobEnd.at,
    expires_at: jobEnd.at + stored.windowMs,
    end_json: JSON.stringify(jobEnd),
  });
  rows.endWork(stored.row);
  moveTags(rows, stored, jobEnd.state);
}

function moveTags(rows: AdvanceRows, stored: StoredRun, state: JobState): void {
  if (state === stored.state) return;
  for (const tag of new Set(stored.tags)) {
    rows.tags.add({
      organization: stored.organization,
      tag,
      before: JOB_STATE_CODES.codeOf(stored.state),
      created_at: stored.createdAt,
      public_id: stored.id,
      after: JOB_STATE_CODES.codeOf(state),
    });
  }
}

function addAttempt(
  rows: AdvanceRows,
  job: number,
  armed: ArmedParts['attempts'][number],
  ended: EndedAttempt,
): void {
  const { response } = ended;
  rows.attempts.add({
    job,
    attempt: ended.attempt,
    leg: armed.leg,
    path: armed.path,
    region: armed.region,
    url: armed.url,
    armed_at: armed.armedAt,
    outcome: OUTCOME_CODES.codeOf(ended.outcome),
    status_code: ended.statusCode,
    error: ended.error,
    started_at: attemptStart(armed, ended),
    ended_at: ended.endedAt,
    retry_at: ended.retryAt ?? null,
    response_status: response === null ? null : response.status,
    truncated: response === null ? null : response.truncated,
    is_base64: response === null ? null : response.bodyEncoding === 'base64',
    headers: response === null ? null : JSON.stringify(response.headers),
    body: response === null ? null : response.body,
  });
}

function addDelivery(
  rows: AdvanceRows,
  stored: StoredRun,
  delivery: NewDelivery,
  createdAt: number,
): void {
  rows.deliveries.add({
    job: stored.row,
    webhook: delivery.webhook,
    public_id: delivery.id,
    organization: stored.organization,
    // A delivery is sent by the owner of its endpoint's origin.
    slot: slotOfEndpoint(stored.owner, delivery.url),
    endpoint_id: delivery.endpointId,
    url: delivery.url,
    has_quorum_vote: delivery.hasQuorumVote,
    receives_continuation: delivery.receivesContinuation,
    next_attempt_at: delivery.nextAttemptAt,
    created_at: createdAt,
  });
}

function count({ counts }: WriteScope, stored: StoredRun, { run, end }: AdvanceOperation): void {
  const state = end?.state ?? run.state;
  if (state !== stored.state) counts.move(stored.state, state);
}
