import type { SealedPlace, SealedRecord, SecretRecord } from '@ezthrottle/engine';
import { identifier, integer, type Row, text } from './row.ts';
import { restoredSealed } from './sealed-columns.ts';

/** Every column that holds sealed texts: a new one belongs here, so that its master key can change. */
export const SEALED_COLUMNS: readonly {
  readonly kind: SealedPlace['kind'];
  readonly table: string;
  readonly column: string;
  readonly name: string;
}[] = [
  { kind: 'webhook_primary', table: 'webhook_secrets', column: 'primary', name: "''" },
  { kind: 'webhook_secondary', table: 'webhook_secrets', column: 'secondary', name: "''" },
  { kind: 'signing_key', table: 'signing_keys', column: 'seed', name: 'public_key' },
  { kind: 'secret', table: 'secrets', column: 'value', name: 'secrets.name' },
];

export function restoredSecret(row: Row): SecretRecord {
  const origins: readonly string[] = JSON.parse(text(row, 'origins'));
  return {
    organization: identifier(row, 'organization_id'),
    name: text(row, 'name'),
    value: restoredSealed(row, 'value'),
    origins,
    createdAt: integer(row, 'created_at'),
    updatedAt: integer(row, 'updated_at'),
  };
}

/** With `place_name` and the columns `sealed_…`. */
export function sealedRecord(kind: SealedPlace['kind'], row: Row): SealedRecord {
  return {
    kind,
    organization: identifier(row, 'organization_id'),
    name: text(row, 'place_name'),
    sealed: restoredSealed(row, 'sealed'),
  };
}
