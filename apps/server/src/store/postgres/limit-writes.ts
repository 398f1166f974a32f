import type { LimitOperation, Verdict } from '@ezthrottle/engine';
import { bytesOfText } from './text-bytes.ts';
import type { WriteScope } from './write-scope.ts';

type PutLimit = Extract<LimitOperation, { type: 'put_limit' }>;
type DeleteLimit = Extract<LimitOperation, { type: 'delete_limit' }>;

const INSERT_LIMIT = `INSERT INTO {limits} (organization, key, data, version, created_at, updated_at)
  VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`;

const UPDATE_LIMIT = `UPDATE {limits} SET data = $3, version = $4, created_at = $5, updated_at = $6
  WHERE organization = $1 AND key = $2 AND version = $7`;

const DELETE_LIMIT = 'DELETE FROM {limits} WHERE organization = $1 AND key = $2 AND version = $3';

const FIND_LIMIT = 'SELECT 1 FROM {limits} WHERE organization = $1 AND key = $2';

/** Limits as resources. */
export function applyLimit(scope: WriteScope, operation: LimitOperation): Promise<Verdict> {
  return operation.type === 'put_limit' ? put(scope, operation) : remove(scope, operation);
}

async function put(scope: WriteScope, { limit, replaces }: PutLimit): Promise<Verdict> {
  const { key, data, version, createdAt, updatedAt } = limit;
  const organization = await scope.interned.organization(limit.organization);
  const stored = bytesOfText(key);
  const row = [organization, stored, data, version, createdAt, updatedAt];
  if (replaces === null) {
    const count = await scope.transaction.run(INSERT_LIMIT, row);
    return { verdict: count === 0 ? 'stale' : 'ok' };
  }
  const count = await scope.transaction.run(UPDATE_LIMIT, [...row, replaces]);
  return count === 0 ? refusal(scope, organization, stored) : { verdict: 'ok' };
}

async function remove(
  scope: WriteScope,
  { organization, key, version }: DeleteLimit,
): Promise<Verdict> {
  const row = await scope.interned.findOrganization(organization);
  if (row === null) return { verdict: 'gone' };
  const stored = bytesOfText(key);
  const count = await scope.transaction.run(DELETE_LIMIT, [row, stored, version]);
  return count === 0 ? refusal(scope, row, stored) : { verdict: 'ok' };
}

async function refusal(
  { transaction }: WriteScope,
  organization: number,
  key: Uint8Array,
): Promise<Verdict> {
  const found = await transaction.query(FIND_LIMIT, [organization, key]);
  return { verdict: found.length === 0 ? 'gone' : 'stale' };
}
