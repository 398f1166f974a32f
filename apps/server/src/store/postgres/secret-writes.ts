import type { SecretOperation, SecretRecord, Verdict } from '@ezthrottle/engine';
import { sealedColumns } from '../rows/sealed-columns.ts';
import type { WriteScope } from './write-scope.ts';

type Reseal = Extract<SecretOperation, { type: 'reseal' }>;

const PUT_SECRET = `INSERT INTO {secrets} (organization, name, value_key_id, value_nonce,
    value_ciphertext, origins, created_at, updated_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
  ON CONFLICT (organization, name) DO UPDATE SET
    value_key_id = excluded.value_key_id, value_nonce = excluded.value_nonce,
    value_ciphertext = excluded.value_ciphertext, origins = excluded.origins,
    updated_at = excluded.updated_at`;

const RESEALS: Readonly<Record<Reseal['place']['kind'], string>> = {
  webhook_primary: resealOf('webhook_secrets', 'primary', "''"),
  webhook_secondary: resealOf('webhook_secrets', 'secondary', "''"),
  signing_key: resealOf('signing_keys', 'seed', 'public_key'),
  secret: resealOf('secrets', 'value', 'name'),
};

function resealOf(table: string, column: string, name: string): string {
  return `UPDATE {${table}}
    SET ${column}_key_id = $1, ${column}_nonce = $2, ${column}_ciphertext = $3
    WHERE organization = $4 AND ${name} = $5::text AND ${column}_nonce = $6
      AND ${column}_ciphertext = $7`;
}

/** Secrets that jobs refer to, and whatever is sealed anywhere when its master key changes. */
export async function applySecret(scope: WriteScope, operation: SecretOperation): Promise<Verdict> {
  switch (operation.type) {
    case 'put_secret':
      return put(scope, operation.secret);
    case 'delete_secret': {
      const organization = await scope.interned.findOrganization(operation.organization);
      if (organization === null) return { verdict: 'gone' };
      const sql = 'DELETE FROM {secrets} WHERE organization = $1 AND name = $2';
      const count = await scope.transaction.run(sql, [organization, operation.name]);
      return { verdict: count === 0 ? 'gone' : 'ok' };
    }
    case 'reseal':
      return reseal(scope, operation);
  }
}

async function put(
  { transaction, interned }: WriteScope,
  { organization, name, value, origins, createdAt, updatedAt }: SecretRecord,
): Promise<Verdict> {
  await transaction.run(PUT_SECRET, [
    await interned.organization(organization),
    name,
    ...sealedColumns(value),
    JSON.stringify(origins),
    createdAt,
    updatedAt,
  ]);
  return { verdict: 'ok' };
}

async function reseal(
  { transaction, interned }: WriteScope,
  { place, was, sealed }: Reseal,
): Promise<Verdict> {
  const organization = await interned.findOrganization(place.organization);
  if (organization === null) return { verdict: 'stale' };
  const count = await transaction.run(RESEALS[place.kind], [
    ...sealedColumns(sealed),
    organization,
    place.name,
    was.nonce,
    was.ciphertext,
  ]);
  return { verdict: count === 0 ? 'stale' : 'ok' };
}
