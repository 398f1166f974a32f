import { identifierBytes, requiredIdentifier } from '../rows/identifier.ts';
import type { TenancyOperation, Verdict } from '@ezthrottle/engine';
import type { Statement } from './connection.ts';
import { scopeBits } from '../rows/api-key-rows.ts';
import type { Interned } from './interned.ts';
import { Rejection } from '../rows/rejection.ts';
import { text } from '../rows/row.ts';
import { sealedColumns } from '../rows/sealed-columns.ts';
import type { WriteScope } from './write-scope.ts';

type PutOrganization = Extract<TenancyOperation, { type: 'put_organization' }>;
type PutApiKey = Extract<TenancyOperation, { type: 'put_api_key' }>;
type TouchApiKeys = Extract<TenancyOperation, { type: 'touch_api_keys' }>;
type PutSecrets = Extract<TenancyOperation, { type: 'put_webhook_secrets' }>;
type RotateSecrets = Extract<TenancyOperation, { type: 'rotate_webhook_secrets' }>;

/** Organizations, their keys and their signing secrets. */
export class TenancyWrites {
  readonly #interned: Interned;
  readonly #putOrganization: Statement;
  readonly #putApiKey: Statement;
  readonly #takenHash: Statement;
  readonly #hashOfKey: Statement;
  readonly #touchApiKey: Statement;
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
      `INSERT INTO api_keys (public_id, organization, name, hash, dialect, created_at, expires_at,
         scopes, hint, previous_hash, previous_expires_at, revoked_at, last_used_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (public_id) DO UPDATE SET name = excluded.name, hash = excluded.hash,
         dialect = excluded.dialect, expires_at = excluded.expires_at, scopes = excluded.scopes,
         hint = excluded.hint, previous_hash = excluded.previous_hash,
         previous_expires_at = excluded.previous_expires_at, revoked_at = excluded.revoked_at`,
    );
    this.#takenHash = connection.prepare(
      'SELECT 1 FROM api_keys WHERE (hash = ?1 OR previous_hash = ?1) AND public_id <> ?2',
    );
    this.#hashOfKey = connection.prepare('SELECT hash FROM api_keys WHERE public_id = ?');
    this.#touchApiKey = connection.prepare(
      `UPDATE api_keys SET last_used_at = ?2
       WHERE public_id = ?1 AND (last_used_at IS NULL OR last_used_at < ?2)`,
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
      case 'touch_api_keys':
        return this.#touchApiKeys(operation);
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

  #putApiKeyRecord({ apiKey, replaces }: PutApiKey): Verdict {
    const organization = this.#interned.organization(apiKey.organization);
    const existing = this.#interned.findApiKey(apiKey.id);
    if (existing !== null && existing.organization !== organization) {
      throw new Rejection('apiKey.id: belongs to another organization');
    }
    const id = requiredIdentifier(apiKey.id, 'apiKey.id');
    const stored = this.#hashOfKey.get(id);
    if (replaces !== undefined && (stored === undefined || text(stored, 'hash') !== replaces)) {
      return { verdict: 'stale' };
    }
    if (this.#takenHash.get(apiKey.hash, id) !== undefined) {
      throw new Rejection('apiKey.hash: another key has or had it');
    }
    this.#putApiKey.run(
      id,
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
    );
    return { verdict: 'ok' };
  }

  #touchApiKeys({ rows }: TouchApiKeys): Verdict {
    let count = 0;
    for (const { id, at } of rows) {
      const bytes = identifierBytes(id);
      if (bytes !== null) count += this.#touchApiKey.run(bytes, at).changes;
    }
    return { verdict: 'ok', count };
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
