import type { SigningKeyOperation, Verdict } from '@ezthrottle/engine';
import { sealedColumns } from '../rows/sealed-columns.ts';
import type { WriteScope } from './write-scope.ts';

// Two nodes that make a first key at the same moment come one after the other.
const LOCK_OWNER = 'SELECT 1 FROM {organizations} WHERE id = $1 FOR NO KEY UPDATE';

const HAS_KEY = 'SELECT 1 FROM {signing_keys} WHERE organization = $1 LIMIT 1';

const INSERT_KEY = `INSERT INTO {signing_keys} (organization, public_key, seed_key_id, seed_nonce,
    seed_ciphertext, created_at)
  VALUES ($1, $2, $3, $4, $5, $6)`;

const TRIM_KEYS = `DELETE FROM {signing_keys} WHERE organization = $1 AND id NOT IN (
  SELECT id FROM {signing_keys} WHERE organization = $1 ORDER BY id DESC LIMIT $2)`;

/** Keys that sign webhooks beside the secrets. */
export async function applySigningKey(
  { transaction, interned }: WriteScope,
  operation: SigningKeyOperation,
): Promise<Verdict> {
  if (operation.type === 'delete_signing_keys') {
    const organization = await interned.findOrganization(operation.organization);
    if (organization === null) return { verdict: 'ok', count: 0 };
    return { verdict: 'ok', count: await transaction.run(TRIM_KEYS, [organization, 0]) };
  }
  const organization = await interned.organization(operation.organization);
  await transaction.query(LOCK_OWNER, [organization]);
  const hasOne = (await transaction.query(HAS_KEY, [organization])).length > 0;
  if (hasOne !== operation.isRotation) return { verdict: hasOne ? 'stale' : 'gone' };
  const { publicKey, seed, createdAt } = operation.key;
  await transaction.run(INSERT_KEY, [organization, publicKey, ...sealedColumns(seed), createdAt]);
  await transaction.run(TRIM_KEYS, [organization, 2]);
  return { verdict: 'ok' };
}
