import type { TenancyOperation, Verdict } from '@ezthrottle/engine';
import { scopeBits } from '../rows/api-key-rows.ts';
import { Rejection } from '../rows/rejection.ts';
import { text } from '../rows/row.ts';
import { isIdentifier } from './interned.ts';
import type { WriteScope } from './write-scope.ts';

type PutOrganization = Extract<TenancyOperation, { type: 'put_organization' }>;
type PutApiKey = Extract<TenancyOperation, { type: 'put_api_key' }>;

/** Organizations, their keys and their signing secrets. */
export function applyTenancy(scope: WriteScope, operation: TenancyOperation): Promise<Verdict> {
  switch (operation.type) {
    case 'put_organization':
      return putOrganization(scope, operation);
    case 'put_api_key':
      return putApiKey(scope, operation);
    default:
      return Promise.reject(new Error(`${operation.type} is not written yet`));
  }
}

async function putOrganization(
  { transaction }: WriteScope,
  { organization }: PutOrganization,
): Promise<Verdict> {
  requireIdentifier(organization.id, 'organization.id');
  await transaction.run(
    `INSERT INTO {organizations} (public_id, name, created_at) VALUES ($1, $2, $3)
     ON CONFLICT (public_id) DO UPDATE SET name = excluded.name`,
    [organization.id, organization.name, organization.createdAt],
  );
  return { verdict: 'ok' };
}

const PUT_API_KEY = `INSERT INTO {api_keys} (public_id, organization, name, hash, dialect, created_at,
    expires_at, scopes, hint, previous_hash, previous_expires_at, revoked_at, last_used_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
  ON CONFLICT (public_id) DO UPDATE SET name = excluded.name, hash = excluded.hash,
    dialect = excluded.dialect, expires_at = excluded.expires_at, scopes = excluded.scopes,
    hint = excluded.hint, previous_hash = excluded.previous_hash,
    previous_expires_at = excluded.previous_expires_at, revoked_at = excluded.revoked_at`;

async function putApiKey(
  { transaction, interned }: WriteScope,
  { apiKey, replaces }: PutApiKey,
): Promise<Verdict> {
  const organization = await interned.organization(apiKey.organization);
  requireIdentifier(apiKey.id, 'apiKey.id');
  const existing = await interned.findApiKey(apiKey.id);
  if (existing !== null && existing.organization !== organization) {
    throw new Rejection('apiKey.id: belongs to another organization');
  }
  const [stored] = await transaction.query(
    'SELECT hash FROM {api_keys} WHERE public_id = $1 FOR UPDATE',
    [apiKey.id],
  );
  if (replaces !== undefined && (stored === undefined || text(stored, 'hash') !== replaces)) {
    return { verdict: 'stale' };
  }
  const taken = await transaction.query(
    'SELECT 1 FROM {api_keys} WHERE (hash = $1 OR previous_hash = $1) AND public_id <> $2',
    [apiKey.hash, apiKey.id],
  );
  if (taken.length > 0) throw new Rejection('apiKey.hash: another key has or had it');
  await transaction.run(PUT_API_KEY, [
    apiKey.id,
    organization,
    apiKey.name,
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

function requireIdentifier(id: string, path: string): void {
  if (!isIdentifier(id)) {
    throw new Rejection(`${path}: expected a UUID in lower case with dashes`);
  }
}
