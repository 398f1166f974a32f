import type { TenancyOperation, Verdict } from '@ezthrottle/engine';
import type { Statement } from './connection.ts';
import type { Interned } from './interned.ts';
import { requiredIdentifier } from './job-writes.ts';
import { Rejection } from './rejection.ts';
import { sealedColumns } from './sealed-columns.ts';
import type { WriteScope } from './write-scope.ts';

type PutOrganization = Extract<TenancyOperation, { type: 'put_organization' }>;
type PutApiKey = Extract<TenancyOperation, { type: 'put_api_key' }>;
type PutSecrets = Extract<TenancyOperation, { type: 'put_webhook_secrets' }>;
type RotateSecrets = Extract<TenancyOperation, { type: 'rotate_webhook_secrets' }>;

/** Organizations, their keys and their signing secrets. */
export class TenancyWrites {
  readonly #interned: Interned;
  readonly #putOrganization: Statement;
  readonly #putApiKey: Statement;
  readonly #putSecrets: Statement;
  readonly #deleteSecrets: Statement;
  readonly #rotateSecrets: Statement;

  constructor({ connection, interned }: WriteScope) {
    this.#interned = interned;
    this.#putOrganization = connection.prepare(
      `INSERT INTO organizations (public_id, name, created_at) VALUES (?, ?, ?)
       ON CONFLICT (public_id) DO UPDATE SET name = excluded.name`,
    );
    this.#putApiKey = connection.prepare(
      `INSERT INTO api_keys (public_id, organization, name, hash, dialect, created_at, expires_at)
       VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (public_id) DO UPDATE SET name = excluded.name, hash = excluded.hash,
         dialect = excluded.dialect, expires_at = excluded.expires_at`,
    );
    this.#putSecrets = connection.prepare(
      `INSERT INTO webhook_secrets (organization, primary_key_id, primary_nonce, primary_ciphertext,
         secondary_key_id, secondary_nonce, secondary_ciphertext, updated_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (organization) DO UPDATE SET
         primary_key_id = excluded.primary_key_id, primary_nonce = excluded.primary_nonce,
         primary_ciphertext = excluded.primary_ciphertext,
         secondary_key_id = excluded.secondary_key_id, secondary_nonce = excluded.secondary_nonce,
         secondary_ciphertext = excluded.secondary_ciphertext, updated_at = excluded.updated_at`,
    );
    this.#deleteSecrets = connection.prepare('DELETE FROM webhook_secrets WHERE organization = ?');
    this.#rotateSecrets = connection.prepare(
      `UPDATE webhook_secrets SET
         secondary_key_id = primary_key_id, secondary_nonce = primary_nonce,
         secondary_ciphertext = primary_ciphertext,
         primary_key_id = ?, primary_nonce = ?, primary_ciphertext = ?, updated_at = ?
       WHERE organization = ?`,
    );
  }

  apply(operation: TenancyOperation): Verdict {
    switch (operation.type) {
      case 'put_organization':
        return this.#putOrganizationRecord(operation);
      case 'put_api_key':
        return this.#putApiKeyRecord(operation);
      case 'put_webhook_secrets':
        return this.#putSecretsRecord(operation);
      case 'delete_webhook_secrets': {
        const organization = this.#interned.findOrganization(operation.organization);
        const count = organization === null ? 0 : this.#deleteSecrets.run(organization).changes;
        return { verdict: 'ok', count };
      }
      case 'rotate_webhook_secrets':
        return this.#rotate(operation);
    }
  }

  #putOrganizationRecord({ organization }: PutOrganization): Verdict {
    const id = requiredIdentifier(organization.id, 'organization.id');
    this.#putOrganization.run(id, organization.name, organization.createdAt);
    return { verdict: 'ok' };
  }

  #putApiKeyRecord({ apiKey }: PutApiKey): Verdict {
    const organization = this.#interned.organization(apiKey.organization);
    const existing = this.#interned.findApiKey(apiKey.id);
    if (existing !== null && existing.organization !== organization) {
      throw new Rejection('apiKey.id: belongs to another organization');
    }
    this.#putApiKey.run(
      requiredIdentifier(apiKey.id, 'apiKey.id'),
      organization,
      apiKey.name,
      apiKey.hash,
      apiKey.dialect,
      apiKey.createdAt,
      apiKey.expiresAt,
    );
    return { verdict: 'ok' };
  }

  #putSecretsRecord({ secrets }: PutSecrets): Verdict {
    const organization = this.#interned.organization(secrets.organization);
    const [primaryKeyId, primaryNonce, primaryCiphertext] = sealedColumns(secrets.primary);
    const [keyId, nonce, ciphertext] =
      secrets.secondary === null ? [null, null, null] : sealedColumns(secrets.secondary);
    this.#putSecrets.run(
      organization,
      primaryKeyId,
      primaryNonce,
      primaryCiphertext,
      keyId,
      nonce,
      ciphertext,
      secrets.updatedAt,
    );
    return { verdict: 'ok' };
  }

  #rotate({ organization, primary, at }: RotateSecrets): Verdict {
    const row = this.#interned.findOrganization(organization);
    if (row === null) return { verdict: 'gone' };
    const { changes } = this.#rotateSecrets.run(...sealedColumns(primary), at, row);
    return changes === 0 ? { verdict: 'gone' } : { verdict: 'ok' };
  }
}
