import {
  erasedSpec,
  type Erasure,
  type Id,
  type PrivacyOperation,
  type Verdict,
} from '@ezthrottle/engine';
import { flag, identifier, integer, optionalText, type Row, text } from '../rows/row.ts';
import { restoredSpec, storedSpec } from '../rows/stored-spec.ts';
import { Columns, listOf, unnested } from './columns.ts';
import type { Queryable } from './database.ts';
import { isIdentifier } from './interned.ts';
import { isOfLocks } from './postgres-error.ts';
import { ENDED_JOBS, removeJobs } from './prune-writes.ts';
import type { WriteScope } from './write-scope.ts';

type PutDocument = Extract<PrivacyOperation, { type: 'put_document' }>;
type EraseJobs = Extract<PrivacyOperation, { type: 'erase_jobs' }>;
type RemoveJobs = Extract<PrivacyOperation, { type: 'remove_jobs' }>;
type ForgetAccount = Extract<PrivacyOperation, { type: 'forget_account' }>;

const PUT_DOCUMENT = `INSERT INTO {documents} (organization, kind, name, data)
  VALUES ($1, $2, $3, $4)
  ON CONFLICT (organization, kind, name) DO UPDATE SET data = excluded.data`;

const DELETE_DOCUMENT =
  'DELETE FROM {documents} WHERE organization = $1 AND kind = $2 AND name = $3';

const LOCK_ENDED = `SELECT ended.job FROM {ended} AS ended WHERE ended.job = ANY (ARRAY(
    SELECT id FROM {jobs} WHERE public_id = ANY ($1::uuid[]) AND organization = $2))
  ORDER BY ended.job FOR UPDATE`;

const ERASED = { job: 'int8', spec: 'text', body: 'bytea' } as const;

const PUT_ERASED = `UPDATE {jobs} AS jobs SET spec = erased.spec, body = erased.body
  FROM (
    SELECT erased.*, found.place FROM ${unnested('erased', ERASED)} CROSS JOIN LATERAL (
      SELECT ctid AS place FROM {jobs} WHERE id = erased.job LIMIT 1
    ) AS found
  ) AS erased WHERE jobs.ctid = erased.place`;

const OF_ATTEMPTS: Readonly<Record<Erasure['part'], readonly string[]>> = {
  bodies: [
    `UPDATE {attempts} SET body = ''::bytea, is_base64 = false, truncated = true
     WHERE job = ANY ($1::int8[]) AND body <> ''::bytea`,
  ],
  headers: [
    `UPDATE {attempts} SET headers = '{}' WHERE job = ANY ($1::int8[]) AND headers IS NOT NULL`,
  ],
  attempts: [
    'DELETE FROM {attempts} WHERE job = ANY ($1::int8[])',
    'DELETE FROM {delivery_attempts} WHERE job = ANY ($1::int8[])',
  ],
  request: [],
};

const FORGET = `UPDATE {accounts} SET user_id = convert_to('erased:' || gen_random_uuid(), 'UTF8')
  WHERE user_id = $2 AND api_key = ANY (ARRAY(
    SELECT id FROM {api_keys} WHERE organization = $1))`;

// Waits for every transaction of every node, and every later one sees it.
const TELL_NODES = 'UPDATE {fences} SET names = names + 1';

/** How long it waits for one of them, in milliseconds: nodes that wait behind it have leases to renew. */
const PATIENCE_MS = 100;

const LOCK_TIMEOUT = `SELECT current_setting('lock_timeout') AS former`;
const SET_LOCK_TIMEOUT = `SELECT set_config('lock_timeout', $1, true)`;

/** Takes away what is not to be kept. */
export async function applyPrivacy(
  scope: WriteScope,
  operation: PrivacyOperation,
): Promise<Verdict> {
  switch (operation.type) {
    case 'put_document':
      return putDocument(scope, operation);
    case 'erase_jobs':
      return eraseJobs(scope, operation);
    case 'remove_jobs':
      return removeEnded(scope, operation);
    case 'forget_account':
      return forgetAccount(scope, operation);
  }
}

async function putDocument(
  { transaction, interned }: WriteScope,
  { organization, kind, name, data }: PutDocument,
): Promise<Verdict> {
  const owner = await interned.organization(organization);
  if (data === null) await transaction.run(DELETE_DOCUMENT, [owner, kind, name]);
  else await transaction.run(PUT_DOCUMENT, [owner, kind, name, data]);
  return { verdict: 'ok' };
}

async function eraseJobs(scope: WriteScope, { erasure, ...which }: EraseJobs): Promise<Verdict> {
  const { transaction } = scope;
  const { chosen, left } = parted(await endedJobs(scope, which), (row) =>
    flag(row, 'is_delivering'),
  );
  if (chosen.length > 0) {
    const erased = new Columns(ERASED);
    for (const row of chosen) erased.add(erasedRow(row, erasure));
    await transaction.run(PUT_ERASED, erased.values());
    const jobs = listOf(
      'int8',
      chosen.map((row) => integer(row, 'id')),
    );
    for (const sql of OF_ATTEMPTS[erasure.part]) await transaction.run(sql, [jobs]);
  }
  return { verdict: 'ok', count: chosen.length, left };
}

async function removeEnded(
  scope: WriteScope,
  { unlessNeededAt, ...which }: RemoveJobs,
): Promise<Verdict> {
  const isNeeded = (row: Row): boolean =>
    unlessNeededAt !== null &&
    (flag(row, 'is_delivering') || integer(row, 'expires_at') > unlessNeededAt);
  const { chosen, left } = parted(await endedJobs(scope, which), isNeeded);
  await removeJobs(scope, chosen);
  return { verdict: 'ok', count: chosen.length, left };
}

async function forgetAccount(
  { transaction, interned }: WriteScope,
  { organization, userId }: ForgetAccount,
): Promise<Verdict> {
  const owner = await interned.findOrganization(organization);
  if (owner === null) return { verdict: 'ok', count: 0 };
  if (!(await tellNodes(transaction))) return { verdict: 'stale' };
  const count = await transaction.run(FORGET, [owner, Buffer.from(userId)]);
  interned.forgetEverywhere();
  return { verdict: 'ok', count };
}

/** False: a node has a transaction open for long, or stands still in one. Nothing is changed then. */
async function tellNodes(transaction: Queryable): Promise<boolean> {
  await transaction.run('SAVEPOINT names');
  try {
    const [was = {}] = await transaction.query(LOCK_TIMEOUT);
    await transaction.run(SET_LOCK_TIMEOUT, [`${PATIENCE_MS}ms`]);
    await transaction.run(TELL_NODES);
    await transaction.run(SET_LOCK_TIMEOUT, [text(was, 'former')]);
    await transaction.run('RELEASE SAVEPOINT names');
    return true;
  } catch (error) {
    if (!isOfLocks(error)) throw error;
    await transaction.run('ROLLBACK TO SAVEPOINT names');
    await transaction.run('RELEASE SAVEPOINT names');
    return false;
  }
}

/** Those of these jobs that have ended, locked, in the order in which they were named. */
async function endedJobs(
  { transaction, interned }: WriteScope,
  { organization, jobIds }: { readonly organization: Id; readonly jobIds: readonly Id[] },
): Promise<readonly Row[]> {
  const owner = await interned.findOrganization(organization);
  const ids = [...new Set(jobIds)].filter(isIdentifier);
  if (owner === null || ids.length === 0) return [];
  const locked = await transaction.query(LOCK_ENDED, [listOf('uuid', ids), owner]);
  // Read once they are locked: what was replayed before is seen.
  const jobs = listOf(
    'int8',
    locked.map((row) => integer(row, 'job')),
  );
  const rows = await transaction.query(ENDED_JOBS, [jobs]);
  const found = new Map(rows.map((row) => [identifier(row, 'public_id'), row]));
  return ids.flatMap((id) => {
    const row = found.get(id);
    return row === undefined ? [] : [row];
  });
}

function parted(
  rows: readonly Row[],
  isLeft: (row: Row) => boolean,
): { readonly chosen: readonly Row[]; readonly left: readonly Id[] } {
  return {
    chosen: rows.filter((row) => !isLeft(row)),
    left: rows.filter(isLeft).map((row) => identifier(row, 'public_id')),
  };
}

function erasedRow(
  row: Row,
  erasure: Erasure,
): { readonly job: number; readonly spec: string; readonly body: string | null } {
  const spec = restoredSpec({
    method: text(row, 'method'),
    url: text(row, 'url'),
    spec: text(row, 'spec'),
    body: optionalText(row, 'body'),
  });
  const erased = storedSpec(erasedSpec(spec, erasure));
  return { job: integer(row, 'id'), spec: erased.spec, body: erased.body };
}
