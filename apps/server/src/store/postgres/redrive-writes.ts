import type { RedriveItem, RedriveOperation, Verdict } from '@ezthrottle/engine';
import { boundedLimit } from '../rows/bounded-limit.ts';
import { REDRIVE_OUTCOME_CODES } from '../rows/codes.ts';
import { integer } from '../rows/row.ts';
import { Columns, listOf, unnested } from './columns.ts';
import { replayDeliveries } from './replay-writes.ts';
import type { WriteScope } from './write-scope.ts';

type PutRedrive = Extract<RedriveOperation, { type: 'put_redrive' }>;
type PruneRedrives = Extract<RedriveOperation, { type: 'prune_redrives' }>;

const FIND = 'SELECT id, organization FROM {redrives} WHERE public_id = $1';

const INSERT = `INSERT INTO {redrives} (public_id, organization, data, version, created_at, ended_at)
  VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING id`;

const UPDATE = `UPDATE {redrives} SET data = $1, version = $2, ended_at = $3
  WHERE id = $4 AND version = $5`;

const ITEMS = {
  redrive: 'int8',
  number: 'int4',
  source: 'uuid',
  result: 'uuid',
  outcome: 'int2',
} as const;

const PUT_ITEMS = `INSERT INTO {redrive_items} (redrive, number, source, result, outcome)
  SELECT redrive, number, source, result, outcome FROM ${unnested('items', ITEMS)}
  ON CONFLICT (redrive, number) DO UPDATE SET result = excluded.result, outcome = excluded.outcome`;

export const OLD_REDRIVES = `SELECT id FROM {redrives} WHERE ended_at < $1
  ORDER BY ended_at LIMIT $2 FOR UPDATE SKIP LOCKED`;

/** Redrives and their items. */
export function applyRedrive(scope: WriteScope, operation: RedriveOperation): Promise<Verdict> {
  return operation.type === 'put_redrive' ? put(scope, operation) : prune(scope, operation);
}

async function put(
  scope: WriteScope,
  { redrive, replaces, items, replays = [] }: PutRedrive,
): Promise<Verdict> {
  const { id, data, version, createdAt, endedAt } = redrive;
  const { transaction, interned } = scope;
  const organization = await interned.organization(redrive.organization);
  const [known] = await transaction.query(FIND, [id]);
  if (known !== undefined && integer(known, 'organization') !== organization) {
    return { verdict: 'stale' };
  }
  if ((known === undefined) !== (replaces === null)) {
    return { verdict: replaces === null ? 'stale' : 'gone' };
  }
  let row: number;
  if (known === undefined) {
    const values = [id, organization, data, version, createdAt, endedAt];
    const [inserted] = await transaction.query(INSERT, values);
    if (inserted === undefined) return { verdict: 'stale' };
    row = integer(inserted, 'id');
  } else {
    row = integer(known, 'id');
    const count = await transaction.run(UPDATE, [data, version, endedAt, row, replaces]);
    if (count === 0) return { verdict: 'stale' };
  }
  await putItems(scope, row, items);
  await replayDeliveries(scope, organization, replays);
  return { verdict: 'ok' };
}

async function putItems(
  { transaction }: WriteScope,
  redrive: number,
  items: readonly RedriveItem[],
): Promise<void> {
  const columns = new Columns(ITEMS);
  const latest = new Map(items.map((item) => [item.number, item]));
  for (const { number, source, result, outcome } of latest.values()) {
    const code = REDRIVE_OUTCOME_CODES.codeOf(outcome);
    columns.add({ redrive, number, source, result, outcome: code });
  }
  if (columns.length > 0) await transaction.run(PUT_ITEMS, columns.values());
}

async function prune({ transaction }: WriteScope, operation: PruneRedrives): Promise<Verdict> {
  const limit = boundedLimit(operation.limit);
  const rows = await transaction.query(OLD_REDRIVES, [operation.before, limit]);
  const ids = listOf(
    'int8',
    rows.map((row) => integer(row, 'id')),
  );
  await transaction.run('DELETE FROM {redrive_items} WHERE redrive = ANY ($1::int8[])', [ids]);
  await transaction.run('DELETE FROM {redrives} WHERE id = ANY ($1::int8[])', [ids]);
  return { verdict: 'ok', count: rows.length };
}
