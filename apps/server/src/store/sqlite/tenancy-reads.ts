import type {
  ApiKeyRecord,
  Id,
  OrganizationRecord,
  SigningKeyRecord,
  TenancyReads,
  WebhookSecretsRecord,
} from '@ezthrottle/engine';
import type { Connection, Statement } from './connection.ts';
import { identifierBytes } from './identifier.ts';
import { restoredSealed } from './sealed-columns.ts';
import { identifier, integer, optionalInteger, text, word } from './row.ts';

export class SqliteTenancyReads implements TenancyReads {
  readonly #apiKeyByHash: Statement;
  readonly #organizations: Statement;
  readonly #webhookSecrets: Statement;
  readonly #signingKeys: Statement;

  constructor(connection: Connection) {
    this.#apiKeyByHash = connection.prepare(
      `SELECT api_keys.*, organizations.public_id AS organization_id
       FROM api_keys JOIN organizations ON organizations.id = api_keys.organization
       WHERE api_keys.hash = ?`,
    );
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
    if (row === undefined) return null;
    return {
      id: identifier(row, 'public_id'),
      organization: identifier(row, 'organization_id'),
      name: text(row, 'name'),
      hash: text(row, 'hash'),
      dialect: word(row, 'dialect', ['ezthrottle', 'spooled']),
      createdAt: integer(row, 'created_at'),
      expiresAt: optionalInteger(row, 'expires_at'),
    };
  }

  async organizations(): Promise<readonly OrganizationRecord[]> {
    return this.#organizations.all().map((row) => ({
      id: identifier(row, 'public_id'),
      name: text(row, 'name'),
      createdAt: integer(row, 'created_at'),
    }));
  }

  async signingKeys(organization: Id): Promise<readonly SigningKeyRecord[]> {
    const bytes = identifierBytes(organization);
    if (bytes === null) return [];
    return this.#signingKeys.all(bytes).map((row) => ({
      publicKey: text(row, 'public_key'),
      seed: restoredSealed(row, 'seed'),
      createdAt: integer(row, 'created_at'),
    }));
  }

  async webhookSecrets(organization: Id): Promise<WebhookSecretsRecord | null> {
    const bytes = identifierBytes(organization);
    const row = bytes === null ? undefined : this.#webhookSecrets.get(bytes);
    if (row === undefined) return null;
    return {
      organization,
      primary: restoredSealed(row, 'primary'),
      secondary: row['secondary_key_id'] === null ? null : restoredSealed(row, 'secondary'),
      updatedAt: integer(row, 'updated_at'),
    };
  }
}
