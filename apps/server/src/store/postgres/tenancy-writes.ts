import type { TenancyOperation, Verdict } from '@ezthrottle/engine';
import { scopeBits } from '../rows/api-key-rows.ts';
import { Rejection } from '../rows/rejection.ts';
import { text } from '../rows/row.ts';
import { sealedColumns } from '../rows/sealed-columns.ts';
import { listOf } from './columns.ts';
import { isIdentifier } from './interned.ts';
import { bytesOfText } from './text-bytes.ts';
import type { WriteScope } from './write-scope.ts';

type PutOrganization = Extract<TenancyOperation, { type: 'put_organization' }>;
type PutApiKey = Extract<TenancyOperation, { type: 'put_api_key' }>;
type TouchApiKeys = Extract<TenancyOperation, { type: 'touch_api_keys' }>;
type PutSecrets = Extract<TenancyOperation, { type: 'put_webhook_secrets' }>;
type RotateSecrets = Extract<TenancyOperation, { type: 'rotate_webhook_secrets' }>;

const PUT_ORGANIZATION = `INSERT INTO {organizations} (public_id, name, created_at)
  VALUES ($1, $2, $3)
  ON CONFLICT (public_id) DO UPDATE SET name = excluded.name`;

const PUT_API_KEY = `INSERT INTO {api_keys} (public_id, organization, name, hash, dialect, created_at,
    expires_at, scopes, hint, previous_hash, previous_expires_at, revoked_at, last_used_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
  ON CONFLICT (public_id) DO UPDATE SET name = excluded.name, hash = excluded.hash,
    dialect = excluded.dialect, expires_at = excluded.expires_at, scopes = excluded.scopes,
    hint = excluded.hint, previous_hash = excluded.previous_hash,
    previous_expires_at = excluded.previous_expires_at, revoked_at = excluded.revoked_at`;

const TAKEN_HASH = `SELECT 1 FROM {api_keys} WHERE hash = $1 AND public_id <> $2
  UNION ALL SELECT 1 FROM {api_keys} WHERE previous_hash = $1 AND public_id <> $2`;

// Every node writes the same rows: where another one is at it, this one leaves it at that, and waits for nobody.
const TOUCH_API_KEYS = `WITH free AS (
    SELECT keys.id, used.at FROM unnest($1::uuid[], $2::int8[]) AS used (id, at)
    JOIN {api_keys} AS keys ON keys.public_id = used.id
    WHERE keys.last_used_at IS NULL OR keys.last_used_at < used.at
    FOR NO KEY UPDATE OF keys SKIP LOCKED
  )
  UPDATE {api_keys} AS keys SET last_used_at = free.at FROM free WHERE keys.id = free.id`;

const PUT_SECRETS = `INSERT INTO {webhook_secrets} (organization, primary_key_id, primary_nonce,
    primary_ciphertext, secondary_key_id, secondary_nonce, secondary_ciphertext, updated_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
  ON CONFLICT (organization) DO UPDATE SET
    primary_key_id = excluded.primary_key_id, primary_nonce = excluded.primary_nonce,
    primary_ciphertext = excluded.primary_ciphertext,
    secondary_key_id = excluded.secondary_key_id, secondary_nonce = excluded.secondary_nonce,
    secondary_ciphertext = excluded.secondary_ciphertext, updated_at = excluded.updated_at`;

const ROTATE_SECRETS = `UPDATE {webhook_secrets} SET
    secondary_key_id = primary_key_id, secondary_nonce = primary_nonce,
    secondary_ciphertext = primary_ciphertext,
    primary_key_id = $1, primary_nonce = $2, primary_ciphertext = $3, updated_at = $4
  WHERE organization = $5`;

/** Organizations, their keys and their signing secrets. */
export async function applyTenancy(
  scope: WriteScope,
  operation: TenancyOperation,
): Promise<Verdict> {
  const { transaction, interned } = scope;
  switch (operation.type) {
    case 'put_organization':
      return putOrganization(scope, operation);
    case 'put_api_key':
      return putApiKey(scope, operation);
    case 'touch_api_keys':
      return touchApiKeys(scope, operation);
    case 'put_webhook_secrets':
      return putSecrets(scope, operation);
    case 'delete_webhook_secrets': {
      const organization = await interned.findOrganization(operation.organization);
      if (organization === null) return { verdict: 'ok', count: 0 };
      const sql = 'DELETE FROM {webhook_secrets} WHERE organization = $1';
      return { verdict: 'ok', count: await transaction.run(sql, [organization]) };
    }
    case 'rotate_webhook_secrets':
      return rotate(scope, operation);
  }
}

async function putOrganization(
  { transaction }: WriteScope,
  { organization: { id, name, createdAt } }: PutOrganization,
): Promise<Verdict> {
  requireIdentifier(id, 'organization.id');
  await transaction.run(PUT_ORGANIZATION, [id, name, createdAt]);
  return { verdict: 'ok' };
}

async function putApiKey(
  { transaction, interned }: WriteScope,
  { apiKey, replaces }: PutApiKey,
): Promise<Verdict> {
  const organization = await interned.organization(apiKey.organization);
  const existing = await interned.findApiKey(apiKey.id);
  if (existing !== null && existing.organization !== organization) {
    throw new Rejection('apiKey.id: belongs to another organization');
  }
  requireIdentifier(apiKey.id, 'apiKey.id');
  if (replaces !== undefined) {
    const select = 'SELECT hash FROM {api_keys} WHERE public_id = $1 FOR UPDATE';
    const [stored] = await transaction.query(select, [apiKey.id]);
    if (stored === undefined || text(stored, 'hash') !== replaces) return { verdict: 'stale' };
  }
  const taken = await transaction.query(TAKEN_HASH, [apiKey.hash, apiKey.id]);
  if (taken.length > 0) throw new Rejection('apiKey.hash: another key has or had it');
  await transaction.run(PUT_API_KEY, [
    apiKey.id,
    organization,
    bytesOfText(apiKey.name),
    apiKey.hash,
    apiKey.dialect,
    apiKey.createdAt,
    apiKey.expiresAt,
    scopeBits(apiKey.scopes),
    apiKey.hint,
    apiKey.previous?.hash ?? null,
    apiKey.previous?.expiresAt ?? null,
    apiKey.revokedAt,
    apiKey.lastUsedAt,
  ]);
  return { verdict: 'ok' };
}

async function touchApiKeys({ transaction }: WriteScope, { rows }: TouchApiKeys): Promise<Verdict> {
  const latest = new Map<string, number>();
  for (const { id, at } of rows) {
    if (isIdentifier(id)) latest.set(id, Math.max(at, latest.get(id) ?? at));
  }
  const count = await transaction.run(TOUCH_API_KEYS, [
    listOf('uuid', [...latest.keys()]),
    listOf('int8', [...latest.values()]),
  ]);
  return { verdict: 'ok', count };
}

async function putSecrets(
  { transaction, interned }: WriteScope,
  { secrets }: PutSecrets,
): Promise<Verdict> {
  const secondary =
    secrets.secondary === null ? [null, null, null] : sealedColumns(secrets.secondary);
  await transaction.run(PUT_SECRETS, [
    await interned.organization(secrets.organization),
    ...sealedColumns(secrets.primary),
    ...secondary,
    secrets.updatedAt,
  ]);
  return { verdict: 'ok' };
}

async function rotate(
  { transaction, interned }: WriteScope,
  { organization, primary, at }: RotateSecrets,
): Promise<Verdict> {
  const row = await interned.findOrganization(organization);
  if (row === null) return { verdict: 'gone' };
  const count = await transaction.run(ROTATE_SECRETS, [...sealedColumns(primary), at, row]);
  return count === 0 ? { verdict: 'gone' } : { verdict: 'ok' };
}

/** @throws Rejection */
function requireIdentifier(id: string, path: string): void {
  if (!isIdentifier(id)) {
    throw new Rejection(`${path}: expected a UUID in lower case with dashes`);
  }
}
