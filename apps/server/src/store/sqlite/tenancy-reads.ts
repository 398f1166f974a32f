import type {
  ApiKeyRecord,
  Id,
  OrganizationRecord,
  SealedRecord,
  SecretRecord,
  SigningKeyRecord,
  TenancyReads,
  WebhookSecretsRecord,
} from '@ezthrottle/engine';
import type { Connection, Statement } from './connection.ts';
import { identifierBytes } from '../rows/identifier.ts';
import { SealedReads } from './sealed-reads.ts';
import { restoredApiKey } from '../rows/api-key-rows.ts';
import { boundedLimit } from '../rows/bounded-limit.ts';
import {
  organizationRecord,
  signingKeyRecord,
  webhookSecretsRecord,
} from '../rows/tenancy-rows.ts';

const SELECT_API_KEYS = `SELECT api_keys.*, organizations.public_id AS organization_id
  FROM api_keys JOIN organizations ON organizations.id = api_keys.organization`;

export class SqliteTenancyReads implements TenancyReads {
  readonly #apiKeyByHash: Statement;
  readonly #apiKeys: Statement;
  readonly #apiKey: Statement;
  readonly #organizations: Statement;
  readonly #webhookSecrets: Statement;
  readonly #signingKeys: Statement;
  readonly #sealed: SealedReads;

  constructor(connection: Connection) {
    this.#apiKeyByHash = connection.prepare(
      `${SELECT_API_KEYS} WHERE api_keys.hash = ?1
       UNION ALL ${SELECT_API_KEYS} WHERE api_keys.previous_hash = ?1 LIMIT 1`,
    );
    this.#apiKeys = connection.prepare(
      `${SELECT_API_KEYS} WHERE organizations.public_id = ?
       ORDER BY api_keys.revoked_at IS NOT NULL, api_keys.id DESC LIMIT ?`,
    );
    this.#apiKey = connection.prepare(
      `${SELECT_API_KEYS} WHERE organizations.public_id = ? AND api_keys.public_id = ?`,
    );
    this.#sealed = new SealedReads(connection);
    this.#organizations = connection.prepare('SELECT * FROM organizations ORDER BY id');
    this.#signingKeys = connection.prepare(
      `SELECT signing_keys.* FROM signing_keys
       JOIN organizations ON organizations.id = signing_keys.organization
       WHERE organizations.public_id = ? ORDER BY signing_keys.id DESC`,
    );
    this.#webhookSecrets = connection.prepare(
      `SELECT webhook_secrets.* FROM webhook_secrets
       JOIN organizations ON organizations.id = webhook_secrets.organization
       WHERE organizations.public_id = ?`,
    );
  }

  async apiKeyByHash(hash: string): Promise<ApiKeyRecord | null> {
    const row = this.#apiKeyByHash.get(hash);
    return row === undefined ? null : restoredApiKey(row);
  }

  async apiKeys(organization: Id, limit: number): Promise<readonly ApiKeyRecord[]> {
    const bytes = identifierBytes(organization);
    if (bytes === null) return [];
    return this.#apiKeys.all(bytes, boundedLimit(limit)).map(restoredApiKey);
  }

  async apiKey(organization: Id, id: Id): Promise<ApiKeyRecord | null> {
    const [owner, key] = [identifierBytes(organization), identifierBytes(id)];
    const row = owner === null || key === null ? undefined : this.#apiKey.get(owner, key);
    return row === undefined ? null : restoredApiKey(row);
  }

  async organizations(): Promise<readonly OrganizationRecord[]> {
    return this.#organizations.all().map(organizationRecord);
  }

  async signingKeys(organization: Id): Promise<readonly SigningKeyRecord[]> {
    const bytes = identifierBytes(organization);
    if (bytes === null) return [];
    return this.#signingKeys.all(bytes).map(signingKeyRecord);
  }

  async secrets(): Promise<readonly SecretRecord[]> {
    return this.#sealed.secrets();
  }

  async sealedByOthers(keyId: string, limit: number): Promise<readonly SealedRecord[]> {
    return this.#sealed.byOthers(keyId, boundedLimit(limit));
  }

  async webhookSecrets(organization: Id): Promise<WebhookSecretsRecord | null> {
    const bytes = identifierBytes(organization);
    const row = bytes === null ? undefined : this.#webhookSecrets.get(bytes);
    return row === undefined ? null : webhookSecretsRecord(organization, row);
  }
}
