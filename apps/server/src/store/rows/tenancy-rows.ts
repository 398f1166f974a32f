import type {
  Id,
  OrganizationRecord,
  SigningKeyRecord,
  WebhookSecretsRecord,
} from '@ezthrottle/engine';
import { identifier, integer, type Row, text } from './row.ts';
import { restoredSealed } from './sealed-columns.ts';

export function organizationRecord(row: Row): OrganizationRecord {
  return {
    id: identifier(row, 'public_id'),
    name: text(row, 'name'),
    createdAt: integer(row, 'created_at'),
  };
}

export function signingKeyRecord(row: Row): SigningKeyRecord {
  return {
    publicKey: text(row, 'public_key'),
    seed: restoredSealed(row, 'seed'),
    createdAt: integer(row, 'created_at'),
  };
}

export function webhookSecretsRecord(organization: Id, row: Row): WebhookSecretsRecord {
  return {
    organization,
    primary: restoredSealed(row, 'primary'),
    secondary: row['secondary_key_id'] === null ? null : restoredSealed(row, 'secondary'),
    updatedAt: integer(row, 'updated_at'),
  };
}
